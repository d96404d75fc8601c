//! The full-text index beside the state.

use std::sync::Arc;

use anyhow::Context;

use crate::clock::Randomness;
use crate::config::{Config, Engine};
use crate::search::feeder::Feeder;
use crate::search::{Opened, SearchIndex};
use crate::store::{Batch, Repo, keys};

/// Name under which the mark is kept that tells whose an index is.
const INDEX_MARK: &str = "search-index";
/// Folder of the index within the state's.
const FOLDER: &str = "search";

/// Opens the index of this state, or begins one.
///
/// # Errors
/// When its folder cannot be used, or the state fails.
pub async fn open_search(
    config: &Config,
    repo: &Repo,
    random: &Randomness,
) -> anyhow::Result<Feeder> {
    let mark = mark(repo, random).await?;
    let (index, opened) = match config.store.engine {
        Engine::Memory => (SearchIndex::in_memory()?, Opened::Empty),
        Engine::Sled => {
            let folder = config.server.state.join(FOLDER);
            let of = mark.clone();
            let opening = tokio::task::spawn_blocking(move || SearchIndex::open(&folder, &of));
            let opened = opening
                .await
                .context("opening the search index was cut short")?;
            opened.context("cannot open the search index")?
        }
    };
    if opened == Opened::Empty {
        tracing::info!("the search index is made from the state");
    }
    Ok(Feeder::new(repo.clone(), Arc::new(index), opened, &mark))
}

/// What tells whose an index is: made once, kept with the state.
async fn mark(repo: &Repo, random: &Randomness) -> anyhow::Result<String> {
    let key = keys::setting(INDEX_MARK);
    let mark: [u8; 16] = match repo.setting(INDEX_MARK)? {
        Some(kept) => kept
            .as_slice()
            .try_into()
            .context("the mark of the search index has the wrong size")?,
        None => {
            let made: [u8; 16] = random.bytes();
            let mut batch = Batch::new();
            batch.assert_absent(key.clone());
            batch.put(key, made.to_vec());
            repo.store().commit(batch).await?;
            made
        }
    };
    Ok(data_encoding::HEXLOWER.encode(&mark))
}
