//! What the programs that fetch the tests' data share: how they speak to a server.

use std::{env, error::Error, fs, path::PathBuf, time::Duration};

use ureq::{
    Agent,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

/// How long a server may be silent before it answers, and how long its answer may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the answer begins.
    pub answer: Duration,
    /// From its beginning to its end.
    pub body: Duration,
}

/// A client that takes a proxy from HTTPS_PROXY, and roots of trust from SSL_CERT_FILE, else those of Mozilla.
///
/// # Errors
/// An SSL_CERT_FILE that cannot be read.
pub fn client(patience: Patience) -> Result<Agent, Box<dyn Error>> {
    let tls = TlsConfig::builder().root_certs(root_certificates()?);
    Ok(Agent::config_builder()
        .timeout_connect(Some(patience.answer))
        .timeout_recv_response(Some(patience.answer))
        .timeout_recv_body(Some(patience.body))
        .tls_config(tls.build())
        .build()
        .into())
}

/// The roots of SSL_CERT_FILE, where a proxy has its own; else Mozilla's.
fn root_certificates() -> Result<RootCerts, Box<dyn Error>> {
    let Some(path) = env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) else {
        return Ok(RootCerts::WebPki);
    };
    let path = PathBuf::from(path);
    let pem =
        fs::read(&path).map_err(|error| format!("SSL_CERT_FILE {}: {error}", path.display()))?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    Ok(RootCerts::from(certificates))
}
