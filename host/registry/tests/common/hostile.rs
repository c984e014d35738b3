//! A web server that answers as a test wants it to, byte by byte.
//!
//! One request for each connection. What a library would refuse to send is sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Such as `GET /a HTTP/1.1`, without the version.
    pub(crate) line: String,
    /// The whole head, for those who look for a header.
    pub(crate) head: String,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) then: Then,
}

/// What comes after the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    Close,
    Hang,
    /// A byte each time.
    Drip(Duration),
    /// As fast as it is taken.
    Forever,
}

impl Reply {
    /// An answer with a body and its true length.
    pub(crate) fn new(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Reply {
        let body = body.as_ref();
        let head = format!("{headers}Content-Length: {}\r\n", body.len());
        Reply::raw(status, &head, body)
    }

    /// An answer whose head is left to the caller.
    pub(crate) fn raw(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Reply {
        let mut bytes =
            format!("HTTP/1.1 {status} Status\r\nConnection: close\r\n{headers}\r\n").into_bytes();
        bytes.extend(body.as_ref());
        Reply {
            bytes,
            then: Then::Close,
        }
    }

    /// No answer at all.
    pub(crate) fn silence() -> Reply {
        Reply {
            bytes: Vec::new(),
            then: Then::Hang,
        }
    }

    pub(crate) fn then(mut self, then: Then) -> Reply {
        self.then = then;
        self
    }
}

/// The server.
pub(crate) struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<Request>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Server {
        Server::with(None, answer).await
    }

    /// With TLS, by a certificate and its key (PEM).
    pub(crate) async fn tls(
        certificate: &str,
        key: &str,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Server::with(Some(TlsAcceptor::from(Arc::new(config))), answer).await
    }

    async fn with(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(answer);
        let heard = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, heard, tls) = (answer.clone(), heard.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &*answer, &heard).await;
                            }
                        }
                        None => serve(stream, &*answer, &heard).await,
                    }
                });
            }
        });
        Server { port, asked, task }
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    pub(crate) fn oci(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.host())
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &(dyn Fn(&Request) -> Reply + Send + Sync),
    asked: &Mutex<Vec<Request>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            // The beginning of TLS, to which a plain server has but one answer.
            Ok(0x16) if head.is_empty() => {
                let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").await;
                return;
            }
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let line = head.lines().next().unwrap().replace(" HTTP/1.1", "");
    let request = Request { line, head };
    asked.lock().unwrap().push(request.clone());
    let reply = answer(&request);
    if stream.write_all(&reply.bytes).await.is_err() {
        return;
    }
    let _ = stream.flush().await;
    match reply.then {
        Then::Close => {
            let _ = stream.shutdown().await;
            // What is still sent is taken, else the answer could be lost with the connection.
            let mut rest = vec![0; 4096];
            while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        }
        Then::Hang => std::future::pending().await,
        Then::Drip(every) => loop {
            tokio::time::sleep(every).await;
            if stream.write_all(b" ").await.is_err() {
                return;
            }
            let _ = stream.flush().await;
        },
        Then::Forever => {
            let piece = vec![b' '; 16 * 1024];
            while stream.write_all(&piece).await.is_ok() {}
        }
    }
}
