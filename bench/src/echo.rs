//! The HTTP reference: axum, one route, a constant JSON of the size that `GET /auth/profile/` answers.

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
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
}

pub fn run(options: &Options) -> Result<ExitCode> {
    // One worker per core this process may use: what the server does as well.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(options.listen).await?;
        println!("{}", serde_json::json!({ "http": listener.local_addr()? }));
        let routes =
            Router::new().fallback(any(|| async { ([(CONTENT_TYPE, "application/json")], PROFILE) }));
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            // Without it answers wait for the peer's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, routes).await?;
        Ok(ExitCode::SUCCESS)
    })
}
