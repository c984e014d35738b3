//! What the tests of this crate share: servers on loopback, a resolver that answers what a test
//! says, and callers with grants.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs
)]

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use jackfield_egress::{
    AddressRule, Caller, Egress, Grant, HttpRequest, Options, Resolver, Secret,
};
use tokio::net::TcpListener;

/// Answers names from a list, one answer after another; the last one stays.
#[derive(Default)]
pub struct Answers {
    answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    pub asked: AtomicUsize,
}

impl Answers {
    pub fn new(names: &[(&str, &[&[&str]])]) -> Arc<Answers> {
        let read = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers = names
            .iter()
            .map(|(name, answers)| ((*name).to_owned(), answers.iter().map(read).collect()))
            .collect();
        Arc::new(Answers {
            answers: Mutex::new(answers),
            asked: AtomicUsize::new(0),
        })
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Resolver for Answers {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let known = answers
            .get_mut(name)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name"))?;
        Ok(if known.len() > 1 {
            known.pop_front().unwrap()
        } else {
            known[0].clone()
        })
    }
}

/// Serves on 127.0.0.1 and says where.
pub async fn serve(router: Router) -> SocketAddr {
    serve_at("127.0.0.1:0", router).await
}

pub async fn serve_at(address: &str, router: Router) -> SocketAddr {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Every address of loopback is allowed.
pub fn open_options() -> Options {
    Options {
        allow_addresses: rules(&["127.0.0.0/8", "::1"]),
        ..Options::default()
    }
}

pub fn rules(texts: &[&str]) -> Vec<AddressRule> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub fn open() -> Egress {
    Egress::new(open_options()).unwrap()
}

pub fn caller(hosts: &[&str], secrets: &[&str]) -> Caller {
    let grant = Grant {
        hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        secrets: secrets
            .iter()
            .map(|secret| secret.parse().unwrap())
            .collect(),
    };
    Caller {
        plugin: "tested".into(),
        grant: Arc::new(grant),
    }
}

pub fn anywhere() -> Caller {
    caller(&["*"], &[])
}

pub fn secrets(values: &[(&str, &str)]) -> HashMap<String, Secret> {
    values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
        .collect()
}

pub fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: "GET".into(),
        url: url.into(),
        ..HttpRequest::default()
    }
}

pub fn post(url: impl Into<String>, body: impl Into<bytes::Bytes>) -> HttpRequest {
    HttpRequest {
        method: "POST".into(),
        body: Some(body.into()),
        ..get(url)
    }
}

/// Short enough for a test, long enough for a busy machine to connect on loopback.
pub const SHORT: Duration = Duration::from_millis(800);

/// Everything a peer was told, line by line.
pub type Heard = Arc<Mutex<Vec<String>>>;

/// A mail server that says what the test says: `answer` gets `<greeting>`, each command, and
/// `<message>` behind the final dot; an empty answer drops the connection.
pub async fn smtp(
    answer: impl Fn(&str) -> &'static str + Send + Sync + 'static,
) -> (SocketAddr, Heard) {
    smtp_with(move |command| answer(command).to_owned(), None).await
}

/// The same, and with TLS: from the first byte where `implicit`, else behind STARTTLS.
pub async fn smtp_with(
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
    tls: Option<(tokio_rustls::TlsAcceptor, bool)>,
) -> (SocketAddr, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Heard::default();
    let (answer, record) = (Arc::new(answer), heard.clone());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (answer, record, tls) = (answer.clone(), record.clone(), tls.clone());
            tokio::spawn(async move {
                let say = |command: &str| answer(command);
                match tls {
                    Some((acceptor, true)) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            talk(stream, &say, &record, true).await;
                        }
                    }
                    Some((acceptor, false)) => {
                        if let Some(stream) = talk(stream, &say, &record, true).await
                            && let Ok(stream) = acceptor.accept(stream).await
                        {
                            talk(stream, &say, &record, false).await;
                        }
                    }
                    None => {
                        talk(stream, &say, &record, true).await;
                    }
                }
            });
        }
    });
    (address, heard)
}

/// One conversation. Gives the stream back where TLS is to begin.
async fn talk<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    stream: S,
    answer: &(dyn Fn(&str) -> String + Sync),
    heard: &Heard,
    greet: bool,
) -> Option<S> {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::io::BufReader::new(stream);
    if greet {
        let greeting = answer("<greeting>");
        if greeting.is_empty() {
            return None;
        }
        stream.get_mut().write_all(greeting.as_bytes()).await.ok()?;
        stream.get_mut().flush().await.ok()?;
    }
    let mut in_message = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end_matches(['\r', '\n']).to_owned();
        heard.lock().unwrap().push(line.clone());
        if in_message && line != "." {
            continue;
        }
        let reply = if in_message {
            answer("<message>")
        } else {
            answer(&line)
        };
        in_message = !in_message && reply.starts_with("354");
        if reply.is_empty() {
            return None;
        }
        stream.get_mut().write_all(reply.as_bytes()).await.ok()?;
        stream.get_mut().flush().await.ok()?;
        if line == "STARTTLS" && reply.starts_with("220") {
            return Some(stream.into_inner());
        }
    }
}

/// A certificate authority of the test's own, and a server's certificate from it.
pub struct Authority {
    pub pem: String,
    pub acceptor: tokio_rustls::TlsAcceptor,
}

/// An authority that vouches for these names.
pub fn authority(names: &[&str]) -> Authority {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::pki_types::PrivateKeyDer;
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().unwrap();
    let pem = root.self_signed(&root_key).unwrap().pem();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    Authority {
        pem,
        acceptor: tokio_rustls::TlsAcceptor::from(Arc::new(config)),
    }
}
