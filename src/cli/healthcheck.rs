//! `tocsin healthcheck`: for containers and scripts.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Time for the whole question.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of the answer that are read.
const ANSWER_SIZE_MAX: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Address of the console (plain HTTP).
    #[arg(default_value = "127.0.0.1:8025")]
    address: String,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let answer = super::runtime()?.block_on(async {
        tokio::time::timeout(TIMEOUT, ask(&arguments.address))
            .await
            .context("no answer in time")?
    })?;
    let ready = answer.split(' ').nth(1) == Some("200");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    println!("{}", body.trim());
    Ok(if ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn ask(address: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("nobody listens on {address}"))?;
    stream
        .write_all(
            format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )
        .await?;
    let mut answer = String::new();
    stream
        .take(ANSWER_SIZE_MAX)
        .read_to_string(&mut answer)
        .await?;
    Ok(answer)
}
