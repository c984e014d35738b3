//! `jackfield plugin key`, `sign` and `push`: what an author does with a component that is ready.
//!
//! Keys and signatures are those of minisign, so its program can make and check them as well. What
//! must hold: a secret key is written for its owner alone and over no other file.

use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::sources::{Bar, Reach, component, refused};
use crate::cli::table::print_json;
use jackfield_registry::{Artifact, Reference};
use jackfield_sandbox::{Options as SandboxOptions, Sandbox};
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Makes a key pair to sign plugins with: NAME.key, which stays with you, and NAME.pub
    Key {
        /// The path of both, without their ending
        name: PathBuf,
        /// Does not seal the key with a password
        #[arg(long)]
        no_password: bool,
    },
    /// Signs a component: writes FILE.minisig beside it
    Sign {
        /// The component (.wasm)
        file: PathBuf,
        /// Your secret key
        #[arg(long, env = "JACKFIELD_SIGNING_KEY", value_name = "FILE")]
        key: PathBuf,
    },
    /// Puts a component, with the signature beside it, into a registry
    Push(Box<Push>),
}

/// `plugin push`.
#[derive(Debug, clap::Args)]
pub(crate) struct Push {
    /// The component (.wasm)
    file: String,
    /// Where to: oci://HOST/NAME:TAG
    to: Reference,
    /// Its signature [default: FILE.minisig, if there is one]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

/// Where the password of a key is read instead of being asked for.
const PASSWORD: &str = "JACKFIELD_KEY_PASSWORD";

pub(crate) async fn run(json: bool, command: Command) -> Result<(), Failure> {
    match command {
        Command::Key { name, no_password } => key(json, &name, no_password),
        Command::Sign { file, key } => sign(json, &file, &key),
        Command::Push(given) => push(json, &given).await,
    }
}

fn ended(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Writes a file that is not there yet; a secret one for its owner alone.
fn write_new(path: &Path, text: &str, secret: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secret {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::Usage(format!("{} cannot be written: {error}", path.display())))
}

fn failed(error: &minisign::PError) -> Failure {
    Failure::Usage(format!("the key cannot be used: {error}"))
}

/// The password of the environment; none has minisign ask for it.
fn password() -> Option<String> {
    std::env::var(PASSWORD).ok().filter(|word| !word.is_empty())
}

fn key(json: bool, name: &Path, no_password: bool) -> Result<(), Failure> {
    let pair = if no_password {
        KeyPair::generate_unencrypted_keypair()
    } else {
        KeyPair::generate_encrypted_keypair(password())
    };
    let KeyPair { pk, sk } = pair.map_err(|error| failed(&error))?;
    let (secret, public) = (ended(name, ".key"), ended(name, ".pub"));
    let boxed = sk.to_box(None).map_err(|error| failed(&error))?;
    write_new(&secret, &boxed.to_string(), true)?;
    let boxed = pk.to_box().map_err(|error| failed(&error))?;
    write_new(&public, &boxed.to_string(), false)?;
    if json {
        print_json(&json!({"secret": secret, "public": public, "key": pk.to_base64()}));
    } else {
        println!("{}: keep it to yourself", secret.display());
        println!("{}: for those who install your plugins:", public.display());
        println!("  jackfield serve --publisher NAME={}", pk.to_base64());
    }
    Ok(())
}

fn secret_key(path: &Path) -> Result<SecretKey, Failure> {
    let text = input::text(&path.display().to_string())?;
    let boxed = || SecretKeyBox::from_string(&text).map_err(|error| failed(&error));
    match boxed()?.into_unencrypted_secret_key() {
        Ok(key) => Ok(key),
        Err(_) => boxed()?
            .into_secret_key(password())
            .map_err(|error| failed(&error)),
    }
}

fn sign(json: bool, file: &Path, key: &Path) -> Result<(), Failure> {
    let bytes = input::bytes(&file.display().to_string())?;
    let secret = secret_key(key)?;
    let public = PublicKey::from_secret_key(&secret).map_err(|error| failed(&error))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let comment = format!("file:{name}");
    let signature = minisign::sign(
        Some(&public),
        &secret,
        bytes.as_slice(),
        Some(&comment),
        None,
    )
    .map_err(|error| failed(&error))?;
    let path = ended(file, ".minisig");
    std::fs::write(&path, signature.into_string()).map_err(|error| {
        Failure::Usage(format!("{} cannot be written: {error}", path.display()))
    })?;
    if json {
        print_json(&json!({"signature": path, "key": public.to_base64()}));
    } else {
        println!("{} is signed: {}", file.display(), path.display());
    }
    Ok(())
}

/// Only a plugin is pushed: what it says of itself stands beside it in the registry.
async fn push(json: bool, given: &Push) -> Result<(), Failure> {
    let Push {
        file,
        to,
        signature,
        reach,
    } = given;
    let found = component(file, reach, signature.as_deref()).await?;
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::Failed(format!("no temporary folder: {error}")))?;
    let mut options = SandboxOptions::new(folder.path());
    options.max_activations = 1;
    let refused_file = |error: &dyn std::fmt::Display| Failure::Usage(format!("{file}: {error}"));
    let sandbox = Sandbox::new(options).map_err(|error| refused_file(&error))?;
    let inspection = sandbox
        .install(found.bytes.clone().into())
        .await
        .map_err(|error| refused_file(&error))?;
    let described = sandbox
        .describe(&inspection.digest)
        .await
        .map_err(|error| refused_file(&error))?;
    let said: serde_json::Value =
        serde_json::from_str(&described.json).map_err(|error| refused_file(&error))?;
    let annotations = [
        ("org.opencontainers.image.title", "name"),
        ("org.opencontainers.image.version", "version"),
        ("org.opencontainers.image.description", "summary"),
    ]
    .into_iter()
    .filter_map(|(name, key)| Some((name.to_owned(), said[key].as_str()?.to_owned())))
    .collect();
    let artifact = Artifact {
        bytes: found.bytes,
        signature: found.signature,
        annotations,
    };
    let signed = artifact.signature.is_some();
    let pushed = jackfield_registry::push(to, &artifact, &reach.options(), &Bar::default())
        .await
        .map_err(refused)?;
    if json {
        print_json(&json!({
            "reference": pushed.reference, "manifest": pushed.digest,
            "digest": inspection.digest, "signed": signed,
        }));
    } else {
        println!(
            "{}{}",
            pushed.reference,
            if signed { "" } else { " (not signed)" }
        );
        println!(
            "`jackfield plugin install {}` installs it.",
            pushed.reference
        );
    }
    Ok(())
}
