//! `tocsin verify`

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use data_encoding::HEXLOWER;

use crate::config::Config;
use crate::daemon::open_store;
use crate::store::{check, engine};

/// Problems printed.
const PROBLEMS_PRINTED_MAX: usize = 100;

pub(super) fn run(path: &Path, audit_alone: bool) -> anyhow::Result<ExitCode> {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(2));
        }
    };
    super::look_for_state(&config)?;
    let files = engine::verify(&config.server.state)
        .context("stop the gateway first: its state can be open only once")?;
    println!("{files:?}");
    let rows = super::runtime()?.block_on(async {
        let store = open_store(&config).await?;
        let report = if audit_alone {
            check::check_audit(&store)?
        } else {
            check::check(&store)?
        };
        store.close().await?;
        anyhow::Ok(report)
    })?;
    for (kind, count) in &rows.rows {
        println!("{kind}: {count}");
    }
    match &rows.chain_head {
        Some(head) => println!(
            "audit: the chain is whole up to entry {}, whose hash is {}",
            head.number,
            HEXLOWER.encode(&head.hash)
        ),
        None => println!("audit: the chain is broken"),
    }
    for problem in rows.problems.iter().take(PROBLEMS_PRINTED_MAX) {
        println!(
            "problem: {} {}: {}",
            problem.place, problem.id, problem.what
        );
    }
    println!("{} problems", rows.problem_count);
    Ok(if rows.is_sound() && files.damage.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
