//! Whom TLS trusts: the authorities of the operating system, and those that the operator adds.
//!
//! One set of roots for HTTP and mail, read once. A host without any (a bare container) starts
//! all the same, with a warning: it may talk to plain addresses only.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{RootCertStore, version};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use crate::Error;

/// The roots, and the configurations made of them.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    roots: Arc<RootCertStore>,
    mail: Arc<ClientConfig>,
}

impl Trust {
    pub(crate) fn load(extra: &[String]) -> Result<Trust, Error> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        for (at, pem) in extra.iter().enumerate() {
            add_pem(&mut roots, pem).map_err(|why| Error::Options {
                what: format!("`extra_authorities`, entry {}: {why}", at + 1),
            })?;
        }
        if roots.is_empty() {
            tracing::warn!(
                "no certificate authorities were found on this machine, so no TLS server is \
                 trusted; install the package ca-certificates or set SSL_CERT_FILE"
            );
        }
        let roots = Arc::new(roots);
        let mail = Arc::new(config(roots.clone())?);
        Ok(Trust { roots, mail })
    }

    /// For reqwest: HTTP/2 where the server has it, else HTTP/1.1.
    pub(crate) fn for_http(&self) -> Result<ClientConfig, Error> {
        let mut config = config(self.roots.clone())?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// For mail, with the authorities that one channel trusts beside.
    pub(crate) fn for_mail(&self, authorities: Option<&str>) -> Result<TlsConnector, Error> {
        let config = match authorities {
            None => self.mail.clone(),
            Some(pem) => {
                let mut roots = (*self.roots).clone();
                add_pem(&mut roots, pem)
                    .map_err(|why| Error::invalid(format!("the server's authority: {why}")))?;
                Arc::new(config(Arc::new(roots))?)
            }
        };
        Ok(TlsConnector::from(config))
    }
}

/// Does the handshake and checks the certificate against the host as it was asked for.
pub(crate) async fn handshake(
    connector: &TlsConnector,
    host: &Host<String>,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = match host {
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
        Host::Ipv4(address) => ServerName::from(IpAddr::V4(*address)),
        Host::Ipv6(address) => ServerName::from(IpAddr::V6(*address)),
    };
    connector.connect(name, stream).await
}

fn config(roots: Arc<RootCertStore>) -> Result<ClientConfig, Error> {
    Ok(
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|why| Error::Options {
                what: format!("TLS cannot be set up: {why}"),
            })?
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

fn add_pem(roots: &mut RootCertStore, pem: &str) -> Result<(), String> {
    let mut found = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|why| format!("no PEM certificate: {why}"))?;
        roots
            .add(certificate)
            .map_err(|why| format!("not a usable certificate: {why}"))?;
        found += 1;
    }
    if found == 0 {
        Err("no PEM certificate in it".into())
    } else {
        Ok(())
    }
}
