//! One SMTP session: lines from a connection into `mailin`'s state machine, its replies back.

use super::{Ending, Mail, Shared};
use mailin::{Action, AuthMechanism, Handler, Response, Session, SessionBuilder, response};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The largest mail that is taken, in bytes.
const LARGEST: usize = 64 << 20;

/// Serves connections until the task is ended.
pub(super) async fn serve(listener: TcpListener, state: Arc<Shared>) {
    let mut builder = SessionBuilder::new("localhost");
    if state.login.is_some() {
        builder
            .enable_auth(AuthMechanism::Plain)
            .enable_auth(AuthMechanism::Login);
        // There is no TLS on loopback, and a client without TLS is what is served here.
        builder.insecure_enable_plaintext_auth();
    }
    loop {
        // What fails here is one connection (or, for a moment, the process's file handles).
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let reception = Reception::new(Arc::clone(&state));
        let session = builder.build(peer.ip(), reception.clone());
        tokio::spawn(async move {
            // A client that went away in the middle is its own affair.
            let _ = converse(stream, session, reception).await;
        });
    }
}

async fn converse(
    mut stream: TcpStream,
    mut session: Session<Reception>,
    reception: Reception,
) -> io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut lines = BufReader::new(reading);
    writing.write_all(&session.greeting().buffer()?).await?;
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).await? > 0 {
        let reply = session.process(&line);
        line.clear();
        if reception.hangs_up() {
            return Ok(());
        }
        if reply.action != Action::NoReply {
            writing.write_all(&reply.buffer()?).await?;
        }
        if reply.action == Action::Close || reception.is_over() {
            return Ok(());
        }
    }
    Ok(())
}

/// What one session has received so far. Shared between the state machine and the connection.
#[derive(Clone, Debug)]
struct Reception {
    state: Arc<Shared>,
    current: Arc<std::sync::Mutex<Current>>,
}

#[derive(Debug, Default)]
struct Current {
    from: String,
    to: Vec<String>,
    data: Vec<u8>,
    authenticated_as: Option<String>,
    hang_up: bool,
    over: bool,
}

impl Reception {
    fn new(state: Arc<Shared>) -> Self {
        Self {
            state,
            current: Arc::default(),
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn hangs_up(&self) -> bool {
        self.current().hang_up
    }

    fn is_over(&self) -> bool {
        self.current().over
    }

    fn log_in(&mut self, username: &str, password: &str) -> Response {
        match &self.state.login {
            Some((user, secret)) if user == username && secret == password => {
                self.current().authenticated_as = Some(username.to_owned());
                response::AUTH_OK
            }
            _ => Response::custom(535, "5.7.8 Authentication credentials invalid".to_owned()),
        }
    }
}

impl Handler for Reception {
    fn rcpt(&mut self, to: &str) -> Response {
        let mut orders = self.state.orders();
        match orders.recipients.get_mut(&to.to_ascii_lowercase()) {
            Some((refusal, times)) if *times > 0 => {
                *times = times.saturating_sub(u32::from(*times != u32::MAX));
                Response::custom(refusal.code, refusal.text.clone())
            }
            _ => response::OK,
        }
    }

    fn data_start(&mut self, _: &str, from: &str, _: bool, to: &[String]) -> Response {
        let mut current = self.current();
        current.from = from.to_owned();
        current.to = to.to_vec();
        current.data.clear();
        response::OK
    }

    fn data(&mut self, line: &[u8]) -> io::Result<()> {
        let mut current = self.current();
        if current.data.len() + line.len() > LARGEST {
            current.over = true;
            return Err(io::Error::other("the mail is too large"));
        }
        current.data.extend_from_slice(line);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let order = self.state.orders().next.pop_front();
        if let Some(Ending::Refuse(refusal)) = order {
            // The state machine would take what follows for more of the mail.
            self.current().over = true;
            return Response::custom(refusal.code, refusal.text);
        }
        let mail = {
            let mut current = self.current();
            current.hang_up = order.is_some();
            let data = std::mem::take(&mut current.data);
            Mail::read(
                &current.from,
                &current.to,
                current.authenticated_as.clone(),
                data,
            )
        };
        self.state.mails.push(mail);
        Response::custom(250, "2.0.0 Ok: taken".to_owned())
    }

    fn auth_plain(&mut self, _: &str, username: &str, password: &str) -> Response {
        self.log_in(username, password)
    }

    fn auth_login(&mut self, username: &str, password: &str) -> Response {
        self.log_in(username, password)
    }

    fn helo(&mut self, _: IpAddr, _: &str) -> Response {
        response::OK
    }
}
