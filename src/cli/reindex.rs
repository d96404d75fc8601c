//! `tocsin reindex`

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::clock::Randomness;
use crate::config::Config;
use crate::daemon::{open_search, open_store};
use crate::store::Repo;

pub(super) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(2));
        }
    };
    super::look_for_state(&config)?;
    let found = super::runtime()?.block_on(async {
        let store = open_store(&config)
            .await
            .context("stop the gateway first: its state can be open only once")?;
        let repo = Repo::new(store.clone());
        let random = Randomness::from_os().context("no randomness from the system")?;
        let feeder = open_search(&config, &repo, &random).await?;
        feeder.rebuild_later();
        feeder.catch_up(&CancellationToken::new()).await?;
        let size = feeder.index().size();
        drop((feeder, repo));
        store.close().await?;
        anyhow::Ok(size)
    })?;
    println!("{found} communications and messages can be found");
    Ok(ExitCode::SUCCESS)
}
