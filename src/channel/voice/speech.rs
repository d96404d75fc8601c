//! Turns text into telephone audio: a program that reads text and writes a WAV file, and a cache
//! in front of it.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::cache::{Cache, Key};
use super::pcm::telephone_audio;
use super::prompt::SCRIPT_CHARS_MAX;
use crate::config;

/// The most that a speech program may write: ten minutes of 44.1 kHz.
const OUTPUT_BYTES_MAX: u64 = 10 * 60 * 44_100 * 2;
/// Room that the confirmation prompt needs beside the script.
const PROMPT_CHARS_MAX: usize = 500;

/// Why there is no speech.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// There is nothing to say.
    #[error("the script is empty")]
    Empty,
    /// More than is spoken in one call.
    #[error("the script is too long to be spoken")]
    TooLong,
    /// The configured program does not exist: install it or set `voice.speech.command`.
    #[error("the speech program \"{0}\" is not installed (voice.speech.command)")]
    Missing(String),
    /// It took longer than `voice.speech.timeout`.
    #[error("the speech program did not finish in time")]
    TimedOut,
    /// It ended with an error, or what it wrote is no audio.
    #[error("the speech program failed: {0}")]
    Failed(String),
    /// It could not be started or talked to.
    #[error("the speech program could not be run")]
    Io(#[from] io::Error),
}

/// What speaking comes to: 8 kHz, 16 bit, one channel.
pub type SpeechFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Arc<[i16]>, SpeechError>> + Send + 'a>>;

/// Whoever can speak.
pub trait SpeechSource: Send + Sync + 'static {
    /// Speaks `text` in `language` (ISO 639-1).
    fn speak<'a>(&'a self, text: &'a str, language: &'a str) -> SpeechFuture<'a>;

    /// Speaks what is not to be kept: a code.
    fn speak_once<'a>(&'a self, text: &'a str, language: &'a str) -> SpeechFuture<'a> {
        self.speak(text, language)
    }
}

/// Speaks by a program, and remembers.
#[derive(Debug)]
pub struct CommandSpeech {
    config: config::Speech,
    cache: Arc<Cache>,
    /// One program at a time: an alert's thousand calls share one script.
    turn: Mutex<()>,
}

impl CommandSpeech {
    /// Speaks as configured; keeps what was spoken in `folder`.
    #[must_use]
    pub fn new(config: config::Speech, folder: PathBuf) -> Self {
        let cache = Arc::new(Cache::new(folder, config.cache_size));
        Self {
            config,
            cache,
            turn: Mutex::new(()),
        }
    }

    async fn cached_or_spoken(
        &self,
        text: &str,
        language: &str,
    ) -> Result<Arc<[i16]>, SpeechError> {
        check(text)?;
        let command = self.command_for(language);
        let key = Key::of(command.iter().map(String::as_str).chain([text]));
        if let Some(kept) = self.cache.in_memory(&key) {
            return Ok(kept);
        }
        let _turn = self.turn.lock().await;
        if let Some(kept) = self.kept_before(&key).await {
            return Ok(kept);
        }
        let wav = self.spoken(&command, text).await?;
        self.keep(key, wav).await
    }

    async fn spoken_once(&self, text: &str, language: &str) -> Result<Arc<[i16]>, SpeechError> {
        check(text)?;
        let command = self.command_for(language);
        let _turn = self.turn.lock().await;
        let wav = self.spoken(&command, text).await?;
        let converting = tokio::task::spawn_blocking(move || telephone_audio(&wav));
        let samples = converting.await.ok().flatten();
        samples
            .map(Into::into)
            .ok_or_else(|| SpeechError::Failed("what it wrote is no audio".to_owned()))
    }

    async fn spoken(&self, command: &[String], text: &str) -> Result<Vec<u8>, SpeechError> {
        let speaking = run(command, text);
        tokio::time::timeout(self.config.timeout, speaking)
            .await
            .map_err(|_| SpeechError::TimedOut)?
    }

    async fn kept_before(&self, key: &Key) -> Option<Arc<[i16]>> {
        let (cache, key) = (Arc::clone(&self.cache), key.clone());
        let reading = tokio::task::spawn_blocking(move || cache.get(&key));
        reading.await.ok().flatten()
    }

    async fn keep(&self, key: Key, wav: Vec<u8>) -> Result<Arc<[i16]>, SpeechError> {
        let cache = Arc::clone(&self.cache);
        let converting = tokio::task::spawn_blocking(move || {
            let samples: Arc<[i16]> = telephone_audio(&wav)?.into();
            if let Err(error) = cache.put(&key, &samples) {
                tracing::warn!(%error, "spoken script not kept");
            }
            Some(samples)
        });
        let samples = converting.await.ok().flatten();
        samples.ok_or_else(|| SpeechError::Failed("what it wrote is no audio".to_owned()))
    }

    fn command_for(&self, language: &str) -> Vec<String> {
        let tag: String = language
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .take(16)
            .collect();
        let tag = if tag.is_empty() { "en".to_owned() } else { tag };
        let voice = self.config.voices.get(&tag).unwrap_or(&tag);
        let parts = self.config.command.iter();
        parts.map(|part| part.replace("{voice}", voice)).collect()
    }
}

impl SpeechSource for CommandSpeech {
    fn speak<'a>(&'a self, text: &'a str, language: &'a str) -> SpeechFuture<'a> {
        Box::pin(self.cached_or_spoken(text, language))
    }

    fn speak_once<'a>(&'a self, text: &'a str, language: &'a str) -> SpeechFuture<'a> {
        Box::pin(self.spoken_once(text, language))
    }
}

fn check(text: &str) -> Result<(), SpeechError> {
    if text.trim().is_empty() {
        return Err(SpeechError::Empty);
    }
    if text.chars().count() > SCRIPT_CHARS_MAX + PROMPT_CHARS_MAX {
        return Err(SpeechError::TooLong);
    }
    Ok(())
}

/// Runs the program; dropping this kills it.
async fn run(command: &[String], text: &str) -> Result<Vec<u8>, SpeechError> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(SpeechError::Missing(String::new()));
    };
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => SpeechError::Missing(program.clone()),
        _ => SpeechError::Io(error),
    })?;
    let wav = talk(&mut child, text).await?;
    let status = child.wait().await?;
    if !status.success() {
        return Err(SpeechError::Failed(status.to_string()));
    }
    Ok(wav)
}

async fn talk(child: &mut Child, text: &str) -> Result<Vec<u8>, SpeechError> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(SpeechError::Failed("no pipes".to_owned()));
    };
    let write = async move {
        // A program that does not read all of it shows in what it wrote.
        let _ = input.write_all(text.as_bytes()).await;
        let _ = input.flush().await;
        drop(input);
    };
    let read = async move {
        let mut wav = vec![];
        let mut limited = output.take(OUTPUT_BYTES_MAX + 1);
        limited.read_to_end(&mut wav).await.map(|_| wav)
    };
    let ((), wav) = tokio::join!(write, read);
    let wav = wav?;
    if u64::try_from(wav.len()).unwrap_or(u64::MAX) > OUTPUT_BYTES_MAX {
        return Err(SpeechError::TooLong);
    }
    Ok(wav)
}
