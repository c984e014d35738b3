//! The contract's imports, each turned into a [`HostCall`].
//!
//! Nothing is decided here: one line for each function, so that the list can be read beside the
//! WIT.

use wasmtime::component::{HasSelf, Linker};

use crate::call::HostCall;
use crate::state::State;
use crate::wit::types::CallError;
use crate::wit::{
    clock, conditions, contacts, conversations, crypto, email, files, http, lists, log, messages,
    random, tables, templates, types, variables, workflows,
};

type Answer<T> = wasmtime::Result<Result<T, CallError>>;

/// Puts every interface of both worlds into a linker. Once for each [`crate::Sandbox`]. What a
/// plugin is not granted is linked too, and answers `denied`.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    fn itself(state: &mut State) -> &mut State {
        state
    }
    types::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    log::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    clock::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    random::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    http::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    email::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    crypto::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    templates::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    conditions::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    variables::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    contacts::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    messages::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    conversations::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    lists::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    tables::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    files::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    workflows::add_to_linker::<State, HasSelf<State>>(linker, itself)?;
    Ok(())
}

impl types::Host for State {}

impl log::Host for State {
    async fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.write_log(level, message).await
    }
}

impl clock::Host for State {
    async fn now(&mut self) -> wasmtime::Result<u64> {
        self.ask(HostCall::ClockNow).await
    }
    async fn parse(&mut self, text: String) -> Answer<u64> {
        self.ask(HostCall::ClockParse { text }).await
    }
    async fn duration(&mut self, text: String) -> Answer<u64> {
        self.ask(HostCall::ClockDuration { text }).await
    }
    async fn next_open(&mut self, hours: String, after: u64) -> Answer<u64> {
        self.ask(HostCall::ClockNextOpen { hours, after }).await
    }
}

impl random::Host for State {
    async fn bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        self.ask(HostCall::RandomBytes { length }).await
    }
}

impl http::Host for State {
    async fn fetch(&mut self, request: http::Request) -> Answer<http::Response> {
        self.ask(HostCall::HttpFetch { request }).await
    }
}

impl email::Host for State {
    async fn send(&mut self, server: email::Server, mail: email::Mail) -> Answer<email::Accepted> {
        let mail = Box::new(mail);
        self.ask(HostCall::EmailSend { server, mail }).await
    }
    async fn check(&mut self, server: email::Server) -> Answer<String> {
        self.ask(HostCall::EmailCheck { server }).await
    }
}

impl crypto::Host for State {
    async fn hash(
        &mut self,
        algorithm: crypto::Algorithm,
        data: Vec<u8>,
    ) -> wasmtime::Result<Vec<u8>> {
        self.ask(HostCall::CryptoHash { algorithm, data }).await
    }
    async fn hmac(
        &mut self,
        algorithm: crypto::Algorithm,
        secret: String,
        data: Vec<u8>,
    ) -> Answer<Vec<u8>> {
        self.ask(HostCall::CryptoHmac {
            algorithm,
            secret,
            data,
        })
        .await
    }
    async fn verify(
        &mut self,
        algorithm: crypto::Algorithm,
        secret: String,
        data: Vec<u8>,
        signature: Vec<u8>,
    ) -> Answer<bool> {
        self.ask(HostCall::CryptoVerify {
            algorithm,
            secret,
            data,
            signature,
        })
        .await
    }
    async fn equal(&mut self, secret: String, candidate: Vec<u8>) -> Answer<bool> {
        self.ask(HostCall::CryptoEqual { secret, candidate }).await
    }
    async fn sign(&mut self, algorithm: String, secret: String, data: Vec<u8>) -> Answer<Vec<u8>> {
        self.ask(HostCall::CryptoSign {
            algorithm,
            secret,
            data,
        })
        .await
    }
}

impl templates::Host for State {
    async fn render(&mut self, name: String, values: Option<String>) -> Answer<String> {
        self.ask(HostCall::TemplatesRender { name, values }).await
    }
}

impl conditions::Host for State {
    async fn evaluate(&mut self, condition: String) -> Answer<bool> {
        self.ask(HostCall::ConditionsEvaluate { condition }).await
    }
}

impl variables::Host for State {
    async fn get(&mut self, path: String) -> wasmtime::Result<Option<String>> {
        self.ask(HostCall::VariablesGet { path }).await
    }
    async fn set(&mut self, name: String, value: String) -> Answer<()> {
        self.ask(HostCall::VariablesSet { name, value }).await
    }
}

impl contacts::Host for State {
    async fn get(&mut self) -> wasmtime::Result<Option<String>> {
        self.ask(HostCall::ContactsGet).await
    }
    async fn update(
        &mut self,
        field: String,
        operation: contacts::Operation,
        value: String,
    ) -> Answer<String> {
        self.ask(HostCall::ContactsUpdate {
            field,
            operation,
            value,
        })
        .await
    }
    async fn add_tags(&mut self, tags: Vec<String>) -> Answer<()> {
        self.ask(HostCall::ContactsAddTags { tags }).await
    }
    async fn retag(&mut self, change: String) -> Answer<String> {
        self.ask(HostCall::ContactsRetag { change }).await
    }
    async fn opt_out(&mut self, request: String) -> Answer<String> {
        self.ask(HostCall::ContactsOptOut { request }).await
    }
}

impl messages::Host for State {
    async fn channel(&mut self, name: String) -> Answer<String> {
        self.ask(HostCall::MessagesChannel { name }).await
    }
    async fn send(&mut self, message: String) -> Answer<String> {
        self.ask(HostCall::MessagesSend { message }).await
    }
}

impl conversations::Host for State {
    async fn get(&mut self) -> wasmtime::Result<Option<String>> {
        self.ask(HostCall::ConversationsGet).await
    }
    async fn open(&mut self) -> Answer<String> {
        self.ask(HostCall::ConversationsOpen).await
    }
    async fn close(&mut self, note: Option<String>) -> Answer<String> {
        self.ask(HostCall::ConversationsClose { note }).await
    }
    async fn comment(&mut self, text: String) -> Answer<String> {
        self.ask(HostCall::ConversationsComment { text }).await
    }
    async fn assign(&mut self, request: String) -> Answer<String> {
        self.ask(HostCall::ConversationsAssign { request }).await
    }
    async fn leave_queue(&mut self, id: String) -> Answer<bool> {
        self.ask(HostCall::ConversationsLeaveQueue { id }).await
    }
}

impl lists::Host for State {
    async fn add(&mut self, list: String) -> Answer<bool> {
        self.ask(HostCall::ListsAdd { list }).await
    }
    async fn remove(&mut self, list: String) -> Answer<bool> {
        self.ask(HostCall::ListsRemove { list }).await
    }
}

impl tables::Host for State {
    async fn append(&mut self, table: String, row: String) -> Answer<String> {
        self.ask(HostCall::TablesAppend { table, row }).await
    }
}

impl files::Host for State {
    async fn read(&mut self, name: String) -> Answer<Vec<u8>> {
        self.ask(HostCall::FilesRead { name }).await
    }
}

impl workflows::Host for State {
    async fn start(&mut self, workflow: String, options: String) -> Answer<String> {
        self.ask(HostCall::WorkflowsStart { workflow, options })
            .await
    }
}
