//! What the command line takes.

#![allow(clippy::unwrap_used)]

use super::*;
use clap::CommandFactory as _;
use std::path::PathBuf;

fn parse(words: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("jackfield").chain(words.split_whitespace()))
}

#[test]
fn the_definition_of_the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_flag_is_explained() {
    fn walk(command: &clap::Command) {
        for argument in command.get_arguments().filter(|it| !it.is_hide_set()) {
            assert!(
                argument.get_help().is_some()
                    || ["help", "version"].contains(&argument.get_id().as_str()),
                "{} {}",
                command.get_name(),
                argument.get_id()
            );
        }
        for inner in command.get_subcommands() {
            assert!(inner.get_about().is_some(), "{}", inner.get_name());
            walk(inner);
        }
    }
    walk(&Cli::command());
}

#[test]
fn serve_takes_its_flags() {
    let cli = parse(
        "serve --data /tmp/x --listen 127.0.0.1:0 --public-url https://jack.example.com \
         --allow-address 127.0.0.1:8025 --allow-address 10.0.0.0/8 --log-format json \
         --max-activations 8",
    )
    .unwrap();
    let Command::Serve(options) = cli.command else {
        panic!("serve")
    };
    assert_eq!(options.data, PathBuf::from("/tmp/x"));
    assert_eq!(options.allow_addresses.len(), 2);
    assert_eq!(options.max_activations, Some(8));
    assert_eq!(
        options.public_url.unwrap().as_str(),
        "https://jack.example.com/"
    );
}

#[test]
fn connection_flags_go_after_the_command_too() {
    let cli = parse("run show run_1 --url http://127.0.0.1:1 --json").unwrap();
    let Command::Run(group) = cli.command else {
        panic!("run")
    };
    assert!(group.to.json);
    assert_eq!(group.to.url.as_str(), "http://127.0.0.1:1/");
}

#[test]
fn every_client_command_of_the_interface_is_there() {
    for line in [
        "workflow put x.yaml --publish",
        "workflow validate x.yaml --offline",
        "workflow list",
        "workflow show a --version 2",
        "workflow publish a",
        "workflow activate a",
        "workflow deactivate a --abort",
        "workflow versions a",
        "workflow delete a",
        "run start a --contact phone:+33612345678 --data {} --wait 30s",
        "run list --state failed",
        "run show run_1",
        "run watch run_1",
        "run cancel run_1 --reason x",
        "run retry run_1",
        "run signal run_1 go --data {}",
        "event send call.ended --contact email:a@b.example --data @f --account x",
        "plugin install a.wasm b.wasm --grant",
        "plugin list",
        "plugin new a --lang rust --kind connector --needs http,crypto --into b",
        "plugin build a",
        "plugin inspect a.wasm",
        "plugin show a@1",
        "plugin grant a --host https://b.example",
        "plugin remove a --force",
        "channel create main-sms --connector twilio-sms@1 --set from=+1 --secret-file t=f",
        "channel list",
        "channel show a",
        "channel update a --settings {}",
        "channel test a",
        "channel connect a",
        "channel pause a",
        "channel resume a",
        "channel delete a",
        "secret set crm-token --file f",
        "secret list",
        "secret delete crm-token",
        "contact list --search ada",
        "contact merge-suggestions --limit 5",
        "contact merge id:1 phone:+33612345678 city=Lyon",
        "contact show id:1",
        "contact create phone=+33612345678",
        "contact upsert phone:+33612345678 firstname=Ada",
        "contact set id:1 firstname=Ada",
        "contact tag id:1 vip",
        "contact untag id:1 vip",
        "contact block id:1",
        "contact unblock id:1",
        "contact why id:1",
        "contact delete id:1",
        "contact-field put city --kind text",
        "message list --run run_1",
        "message show msg_1",
        "message send --channel a --to b --text c",
        "message resend msg_1",
        "message cancel msg_1",
        "template put a f.html --subject s",
        "template list",
        "template show a",
        "template delete a",
        "snippet put a --text b --topic c --attachment https://d.example/e.pdf",
        "file list",
        "file put price-list.pdf list.pdf --type application/pdf",
        "file show a",
        "file get a --output b",
        "file delete a",
        "snippet put a --text-file -",
        "snippet list",
        "snippet show a",
        "snippet delete a",
        "opt-out add +33612345678",
        "opt-out clear +33612345678",
        "inbound replay inb_1",
        "key create ci --scope events:write --expires-in 90d",
        "key list",
        "key revoke ab",
        "workspace create shop",
        "doctor",
        "doctor --online --full --json",
        "ready",
        "db backup backup.db --data data",
        "db check --json",
        "db migrate --database postgres://me@db/jackfield",
        "db move --from data --to postgres://me@db/jackfield",
        "db restore backup.db --data data --json",
        "openapi",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn a_secret_has_no_place_on_the_command_line() {
    assert!(parse("secret set crm-token hunter2").is_err());
    assert!(parse("secret set crm-token --value hunter2").is_err());
}

#[test]
fn a_wrong_command_line_is_exit_code_two() {
    for line in [
        "workflow",
        "run show",
        "message send",
        "snippet put a",
        "snippet put a --text b --text-file c",
        "serve --listen nowhere",
        "nothing",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
}
