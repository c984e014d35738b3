//! What may differ between the contract that a plugin was built against and the host's, and what may
//! not: `docs/contract.md` names these tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{Host, Mode, NOW, by_hand, everything, invocation, load, sandbox};
use jackfield_sandbox::wit::Outcome;
use jackfield_sandbox::{CONTRACT, InspectError, Inspection, InstallError, Limit, Limits};
use serde_json::{Map, Value};
use wit_parser::{Resolve, Type, TypeDefKind, WorldItem};

/// The contract as it was when the fixtures were built.
fn then() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contract-1.0/wit")
}

/// The contract of this host.
fn today() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// A step of 1.0.0 that says it is of another version: in the names of everything that it imports
/// and exports, or in the stamp alone.
fn step_of(version: &str, stamp: Option<&str>) -> Arc<[u8]> {
    let step = then().parent().unwrap().join("step.wasm");
    let mut bytes = std::fs::read(step).unwrap();
    let mut put = |old: &[u8], new: &[u8]| {
        assert_eq!(old.len(), new.len(), "nothing moves");
        let mut found = 0;
        while let Some(at) = bytes.windows(old.len()).position(|window| window == old) {
            bytes[at..at + new.len()].copy_from_slice(new);
            found += 1;
            if old == new {
                break;
            }
        }
        assert!(found > 0);
    };
    put(b"@1.0.0", format!("@{version}").as_bytes());
    if let Some(stamp) = stamp {
        put(b"contract1.0.0", format!("contract{stamp}").as_bytes());
    }
    bytes.into()
}

async fn install(wasm: Arc<[u8]>) -> Result<Inspection, InstallError> {
    sandbox().install(wasm).await
}

async fn refused(wasm: Arc<[u8]>) -> InspectError {
    match install(wasm).await {
        Err(InstallError::Inspect(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_patch_version_is_the_same_contract() {
    let plugin = load(&sandbox(), &step_of("1.0.7", Some("1.0.7")), &everything()).await;
    let ended = plugin
        .start(&invocation(r#"{"do": "end"}"#), Host::default())
        .await;
    assert_eq!(
        ended.result.unwrap().unwrap(),
        Outcome::End("as asked".to_owned())
    );
}

#[tokio::test]
async fn a_newer_minor_version_is_refused_with_what_to_do() {
    let newer = format!("1.{}.0", CONTRACT.minor + 1);
    // By the names alone, by the stamp alone.
    for wasm in [step_of(&newer, None), step_of("1.0.0", Some(&newer))] {
        let error = refused(wasm).await;
        assert!(matches!(error, InspectError::NewerMinor { .. }), "{error}");
        let said = error.to_string();
        let todo =
            format!("update the host, or build the plugin against `jackfield:plugin@{CONTRACT}`");
        assert!(said.contains(&newer) && said.contains(&todo), "{said}");
    }
}

#[tokio::test]
async fn another_major_version_is_refused_with_what_to_do() {
    for (version, todo) in [
        ("0.9.0", "build the plugin again, against"),
        ("2.0.0", "update the host, or build the plugin against"),
    ] {
        for wasm in [step_of(version, None), step_of("1.0.0", Some(version))] {
            let error = refused(wasm).await;
            assert!(matches!(error, InspectError::WrongMajor { .. }), "{error}");
            let said = error.to_string();
            let todo = format!("{todo} `jackfield:plugin@{CONTRACT}`");
            assert!(said.contains(version) && said.contains(&todo), "{said}");
        }
    }
}

/// What an older minor version did not have yet is not imported; so it is with every function that
/// a plugin does not call.
#[tokio::test]
async fn a_component_may_import_some_of_the_functions_of_an_interface() {
    let wasm = by_hand(
        "",
        r#"(import "jackfield:plugin/clock@1.1.0" "now" (func $now (result i64)))
           (memory (export "memory") 1)
           (func $start (param i32) (result i32)
             (if (i64.ne (call $now) (i64.const NOW)) (then unreachable))
             (i32.store8 (i32.const 8) (i32.const 3))
             (i32.const 0))"#
            .replace("NOW", &NOW.to_string())
            .as_str(),
    );
    let inspection = install(Arc::clone(&wasm)).await.unwrap();
    assert_eq!(inspection.imports.len(), 1, "{:?}", inspection.imports);
    let plugin = load(&sandbox(), &wasm, &everything()).await;
    let ended = plugin
        .start(&invocation("{}"), Host::new(Mode::Answer))
        .await;
    assert_eq!(ended.result.unwrap().unwrap(), Outcome::End(String::new()));
}

/// Names are matched by version, types exactly: so no record gets a field more within a major
/// version, and no enum a case.
#[tokio::test]
async fn a_type_or_a_function_that_the_host_does_not_have_so_is_refused() {
    for levels in [
        r#""debug" "info" "warn""#,
        r#""debug" "info" "warn" "error" "fatal""#,
    ] {
        let wasm = format!(
            r#"(component
                 (import "jackfield:plugin/log@1.1.0" (instance
                   (type $enum (enum {levels}))
                   (export "level" (type $level (eq $enum)))
                   (export "write" (func (param "level" $level) (param "message" string)))))
                 (instance $none)
                 (export "jackfield:plugin/step@1.1.0" (instance $none)))"#
        );
        match install(wat::parse_str(wasm).unwrap().into()).await {
            Err(InstallError::Contract(said)) => assert!(said.contains("log"), "{said}"),
            other => panic!("{other:?}"),
        }
    }
    let more = r#"(component
         (import "jackfield:plugin/log@1.1.0" (instance (export "flush" (func))))
         (instance $none)
         (export "jackfield:plugin/step@1.1.0" (instance $none)))"#;
    match install(wat::parse_str(more).unwrap().into()).await {
        Err(InstallError::Contract(said)) => assert!(said.contains("flush"), "{said}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_component_exports_beside_its_plugin_is_left_alone() {
    let wasm = by_hand(
        "package hand:made;
         world hand {
             export jackfield:plugin/step@1.1.0;
             export more: interface { f: func(); }
         }",
        r#"(memory (export "memory") 1)
           (func (export "more#f") unreachable)
           (func $start (param i32) (result i32)
             (i32.store8 (i32.const 8) (i32.const 3))
             (i32.const 0))"#,
    );
    let plugin = load(&sandbox(), &wasm, &everything()).await;
    let ended = plugin.start(&invocation("{}"), Host::default()).await;
    assert_eq!(ended.result.unwrap().unwrap(), Outcome::End(String::new()));
}

/// What a package offers: every function of every interface, and the shape of every type that it
/// names, as text. Docs do not count.
fn offered(wit: &Path) -> BTreeMap<String, String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).unwrap();
    let mut found = BTreeMap::new();
    for (interface, id) in &resolve.packages[package].interfaces {
        let interface_of = &resolve.interfaces[*id];
        for (name, function) in &interface_of.functions {
            let parameters: Vec<String> = function
                .params
                .iter()
                .map(|parameter| format!("{}: {}", parameter.name, shape(&resolve, &parameter.ty)))
                .collect();
            let result = function
                .result
                .as_ref()
                .map_or("nothing".to_owned(), |ty| shape(&resolve, ty));
            found.insert(
                format!("{interface}.{name}"),
                format!("({}) -> {result}", parameters.join(", ")),
            );
        }
        for (name, id) in &interface_of.types {
            found.insert(
                format!("{interface}/{name}"),
                shape(&resolve, &Type::Id(*id)),
            );
        }
    }
    for (name, id) in &resolve.packages[package].worlds {
        for (key, item) in &resolve.worlds[*id].imports {
            if matches!(item, WorldItem::Interface { .. }) {
                let import = resolve.name_world_key(key);
                let (import, _) = import.split_once('@').unwrap();
                found.insert(format!("{name} imports {import}"), String::new());
            }
        }
    }
    found
}

/// A type down to the last field, as text.
fn shape(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else {
        return format!("{ty:?}").to_lowercase();
    };
    let of = &resolve.types[*id];
    let inner = |ty: &Type| shape(resolve, ty);
    let maybe = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), inner);
    match &of.kind {
        TypeDefKind::Type(ty) => inner(ty),
        TypeDefKind::List(ty) => format!("list<{}>", inner(ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", inner(ty)),
        TypeDefKind::Result(result) => {
            format!("result<{}, {}>", maybe(&result.ok), maybe(&result.err))
        }
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(inner).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            let fields: Vec<String> = fields
                .map(|field| format!("{}: {}", field.name, inner(&field.ty)))
                .collect();
            format!("record {{{}}}", fields.join(", "))
        }
        TypeDefKind::Enum(cases) => {
            let names: Vec<&str> = cases.cases.iter().map(|case| case.name.as_str()).collect();
            format!("enum {{{}}}", names.join(", "))
        }
        TypeDefKind::Variant(cases) => {
            let cases = cases.cases.iter();
            let cases: Vec<String> = cases
                .map(|case| format!("{}({})", case.name, maybe(&case.ty)))
                .collect();
            format!("variant {{{}}}", cases.join(", "))
        }
        other => panic!("the contract has no such type: {other:?} in {:?}", of.owner),
    }
}

/// What was offered stays, as it was. New functions and interfaces may stand beside it; but the
/// two interfaces that plugins export, `step` and `connector`, stay as they are, because an older
/// plugin has no more than it had.
#[test]
fn everything_of_1_0_is_in_the_contract_of_today_unchanged() {
    let (then, now) = (offered(&then()), offered(&today()));
    assert!(then.len() > 60, "{then:#?}");
    for (name, shape) in &then {
        assert_eq!(now.get(name), Some(shape), "{name}");
    }
    let exported = |all: &BTreeMap<String, String>| -> Vec<String> {
        let functions = all.keys();
        functions
            .filter(|name| name.starts_with("step.") || name.starts_with("connector."))
            .cloned()
            .collect()
    };
    assert_eq!(exported(&then), exported(&now));
}

/// Who writes a document: what it may become follows from who has to read it.
#[derive(Clone, Copy, PartialEq)]
enum Writer {
    Plugin,
    Host,
}

/// What of `then` a schema of `now` no longer keeps. What plugins write must still be taken: no
/// member is gone or newly required, no bound is tighter. What the host writes must still be found:
/// no member is gone, none that was always there may be missing.
fn broken(then: &Value, now: &Value, writer: Writer, at: &str, found: &mut Vec<String>) {
    let (Value::Object(then), Value::Object(now)) = (then, now) else {
        if then != now {
            found.push(format!("{at}: {then} became {now}"));
        }
        return;
    };
    // Words for people.
    let said = |name: &str, of: &Map<String, Value>| {
        matches!(name, "title" | "description" | "$id") && of[name].is_string()
    };
    let members = ["properties", "$defs"].iter().any(|end| at.ends_with(end));
    for (name, old) in then {
        let at = format!("{at}/{name}");
        let Some(new) = now.get(name) else {
            if members || !said(name, then) {
                found.push(format!("{at} is gone"));
            }
            continue;
        };
        let texts = |value: &Value| -> Vec<String> {
            let all = value.as_array().into_iter().flatten();
            all.map(Value::to_string).collect()
        };
        let kept = |old: &Value, new: &Value| texts(old).iter().all(|one| texts(new).contains(one));
        let well = match name.as_str() {
            _ if members => {
                broken(old, new, writer, &at, found);
                true
            }
            "required" if writer == Writer::Plugin => kept(new, old),
            "required" | "enum" => kept(old, new),
            "maxLength" | "maxItems" | "maximum" if writer == Writer::Plugin => {
                new.as_f64() >= old.as_f64()
            }
            "minLength" | "minItems" | "minimum" | "exclusiveMinimum"
                if writer == Writer::Plugin =>
            {
                new.as_f64() <= old.as_f64()
            }
            "oneOf" | "anyOf" => {
                // In their order, new ones behind.
                let (old, new) = (old.as_array().unwrap(), new.as_array().unwrap());
                for (index, one) in old.iter().enumerate() {
                    let other = new.get(index).unwrap_or(&Value::Null);
                    broken(one, other, writer, &format!("{at}/{index}"), found);
                }
                true
            }
            _ if said(name, then) => true,
            _ => {
                broken(old, new, writer, &at, found);
                true
            }
        };
        if !well {
            found.push(format!("{at}: {old} became {new}"));
        }
    }
    if writer == Writer::Plugin && !members {
        let more = now.keys().filter(|name| !then.contains_key(*name));
        let more = more.filter(|name| !said(name, now));
        found.extend(more.map(|name| format!("{at}/{name} is a new rule")));
    }
}

fn schema(folder: &Path, name: &str) -> Value {
    let text = std::fs::read_to_string(folder.join(format!("schemas/{name}.schema.json")));
    serde_json::from_str(&text.unwrap()).unwrap()
}

#[test]
fn documents_of_1_0_are_taken_and_found_as_they_were() {
    for (name, writer) in [
        ("step-descriptor", Writer::Plugin),
        ("connector-descriptor", Writer::Plugin),
        ("outgoing-message", Writer::Plugin),
        ("inbound-events", Writer::Plugin),
        ("message", Writer::Host),
    ] {
        let mut found = Vec::new();
        let (then, now) = (schema(&then(), name), schema(&today(), name));
        broken(&then, &now, writer, name, &mut found);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
    // The comparison sees what it is to see.
    let old = schema(&then(), "outgoing-message");
    for (change, writer) in [
        (("/properties/channel", Value::Null), Writer::Plugin),
        (
            (
                "/required",
                serde_json::json!(["channel", "content", "more"]),
            ),
            Writer::Plugin,
        ),
        (("/required", serde_json::json!([])), Writer::Host),
        (("/maxProperties", serde_json::json!(9)), Writer::Plugin),
    ] {
        let (mut new, mut found) = (old.clone(), Vec::new());
        let (pointer, value) = change;
        match new.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => new[pointer.trim_start_matches('/')] = value,
        }
        broken(&old, &new, writer, "", &mut found);
        assert!(!found.is_empty(), "{pointer}");
    }
}

#[test]
fn the_default_limits_are_no_tighter_than_those_of_1_0() {
    let now = Limits::default();
    for (limit, then) in [
        (Limit::Fuel, 1_000_000_000),
        (Limit::Memory, 128 << 20),
        (Limit::TableElements, 100_000),
        (Limit::Deadline, 40_000),
        (Limit::BytesIn, 8 << 20),
        (Limit::BytesOut, 8 << 20),
        (Limit::HostCalls, 10_000),
        (Limit::LogLines, 1_000),
        (Limit::LogBytes, 256 << 10),
        (Limit::Output, 1 << 20),
    ] {
        assert!(now.get(limit) >= then, "{limit} is {}", now.get(limit));
    }
}
