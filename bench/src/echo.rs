//! The HTTP reference: axum, one route, constant bytes; a JSON of the size that `GET /auth/profile/` answers, or what
//! a file holds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::any;

use crate::Result;

const PROFILE: &str =
    r#"{"id":4503599627370496,"email":"user000000@example.com","first_name":"First","last_name":"Last"}"#;

#[derive(clap::Args)]
pub struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What to answer instead.
    #[arg(long)]
    body: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let body = match &options.body {
        Some(file) => Bytes::from(std::fs::read(file)?),
        None => Bytes::from_static(PROFILE.as_bytes()),
    };
    // One worker per core this process may use: what the server does as well.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(options.listen).await?;
        println!("{}", serde_json::json!({ "http": listener.local_addr()? }));
        let answer = || async move { ([(CONTENT_TYPE, "application/json")], body) };
        let routes = Router::new().fallback(any(answer));
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            // Without it answers wait for the peer's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, routes).await?;
        Ok(ExitCode::SUCCESS)
    })
}
