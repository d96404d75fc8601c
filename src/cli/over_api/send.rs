//! `tocsin send`

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Value, json};

use super::columns::plain;
use super::failure::WrongField;
use super::gateway::{Gateway, read, read_file};
use super::{Connection, Done, EXIT_CODES, Failure, status};
use crate::clock::{Randomness, SystemClock};

const PATH: &str = "/api/v1/communications";
/// Most octets of a text that is read from a file.
const TEXT_SIZE_MAX: u64 = 4 * 1024 * 1024;
/// Most octets of an answer to "Send it?".
const YES_SIZE_MAX: u64 = 64;

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(in super::super) struct Arguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(flatten)]
    message: Message,
    #[command(flatten)]
    audience: Audience,
    /// When it goes out by itself, as RFC 3339 writes it: 2026-05-01T06:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// It overtakes everything and wakes people: no quiet hours.
    #[arg(long)]
    emergency: bool,
    /// Count who loads a picture in the HTML of the email, where the settings allow it.
    #[arg(long)]
    track_opens: bool,
    /// Count who follows the links in the HTML of the email, where the settings allow it.
    #[arg(long)]
    track_clicks: bool,
    /// Send it without asking, unless there are warnings.
    #[arg(long)]
    yes: bool,
    /// The warnings have been looked at: --yes sends it all the same.
    #[arg(long, requires = "yes")]
    confirm_warnings: bool,
    /// Wait until nothing is under way any more, and say by the exit code who was reached.
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds; a year at most.
    #[arg(long, value_name = "SECONDS", default_value = "600", requires = "wait",
        value_parser = clap::value_parser!(u64).range(..=status::WAIT_SECONDS_MAX))]
    timeout: u64,
    /// Asked again with the key of a try that failed, it is sent once. A key counts for 24 hours:
    /// the same one is sent again the next day. 1 to 150 visible ASCII characters.
    #[arg(long, value_name = "KEY", value_parser = key_of)]
    key: Option<String>,
}

/// What is said.
#[derive(Debug, clap::Args)]
struct Message {
    /// Subject of the email, and title in lists.
    #[arg(long, default_value = "")]
    subject: String,
    /// Text of the email.
    #[arg(long, conflicts_with = "text_file")]
    text: Option<String>,
    /// Read the text of the email from this file, or from the standard input if it is "-".
    #[arg(long, value_name = "FILE")]
    text_file: Option<PathBuf>,
    /// Read the HTML of the email from this file.
    #[arg(long, value_name = "FILE")]
    html_file: Option<PathBuf>,
    /// What the text message says. Others on this machine can read it among the processes: a file
    /// keeps it from them, here and with the others.
    #[arg(long, value_name = "TEXT", conflicts_with = "sms_text_file")]
    sms_text: Option<String>,
    /// Read the text message from this file, or from the standard input if it is "-".
    #[arg(long, value_name = "FILE")]
    sms_text_file: Option<PathBuf>,
    /// What calls speak.
    #[arg(long, value_name = "TEXT", conflicts_with = "voice_script_file")]
    voice_script: Option<String>,
    /// Read what calls speak from this file, or from the standard input if it is "-".
    #[arg(long, value_name = "FILE")]
    voice_script_file: Option<PathBuf>,
    /// Name of a configured category.
    #[arg(long)]
    category: String,
    /// By which channel; given once for each. Without it, by those for which something is said.
    #[arg(long = "channel", value_enum)]
    channels: Vec<ChannelName>,
}

/// Whom it is for.
#[derive(Debug, clap::Args)]
struct Audience {
    /// This contact, by its id; given once for each, as the others are.
    #[arg(long = "to", value_name = "CONTACT")]
    contacts: Vec<String>,
    /// Everybody in this group, by its id or name.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Everybody in this area, by its id or name, and in what lies in it.
    #[arg(long = "area", visible_alias = "all-of", value_name = "AREA")]
    areas: Vec<String>,
    /// Everybody whom this saved filter finds, by its id or name.
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
    /// Everybody on the recipient list of the token's user.
    #[arg(long)]
    recipient_list: bool,
    /// Not this contact.
    #[arg(long = "except", value_name = "CONTACT")]
    except_contacts: Vec<String>,
    /// Nobody in this group.
    #[arg(long = "except-group", value_name = "GROUP")]
    except_groups: Vec<String>,
    /// Nobody in this area.
    #[arg(long = "except-area", value_name = "AREA")]
    except_areas: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ChannelName {
    Email,
    Text,
    Call,
}

impl ChannelName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Text => "text",
            Self::Call => "call",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Made {
    id: String,
}

/// Something that has a name.
#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    name: String,
}

/// The last look.
#[derive(Debug, Deserialize)]
struct Review {
    people: u64,
    channels: Vec<Reach>,
    cannot_reach_count: u64,
    needs_approval: bool,
    errors: Vec<WrongField>,
    warnings: Vec<WrongField>,
}

#[derive(Debug, Deserialize)]
struct Reach {
    channel: String,
    people: u64,
    deliveries: u64,
}

/// Keys as headers take them, with room for what is put behind them.
pub(super) fn key_of(text: &str) -> Result<String, String> {
    let fits = (1..=150).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let wrong = || "a key has 1 to 150 visible ASCII characters".to_owned();
    fits.then(|| text.to_owned()).ok_or_else(wrong)
}

/// A key that nobody has used.
pub(super) fn fresh_key() -> Result<String, Failure> {
    let random = Randomness::from_os().map_err(|error| Failure::Here(error.to_string()))?;
    Ok(random.uuid_v7(SystemClock::shared().wall()).to_string())
}

/// The id of something, which is named by its id or by its name.
pub(super) async fn id_of(gateway: &Gateway, kind: &str, name: &str) -> Result<String, Failure> {
    if name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(name.to_owned());
    }
    let all: Vec<Named> = read(&gateway.get(&format!("/api/v1/{kind}")).await?)?;
    let wanted = name.trim().to_lowercase();
    let mut called = all
        .into_iter()
        .filter(|one| one.name.to_lowercase() == wanted);
    match (called.next(), called.next()) {
        (Some(one), None) => Ok(one.id),
        (Some(_), Some(_)) => Err(Failure::Unknown(format!(
            "several {kind} are called {name:?}: name the one by its id"
        ))),
        (None, _) => Err(Failure::Unknown(format!(
            "none of the {kind} is called {name:?}"
        ))),
    }
}

async fn ids(gateway: &Gateway, kind: &str, names: &[String]) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        ids.push(id_of(gateway, kind, name).await?);
    }
    Ok(ids)
}

pub(super) async fn run(arguments: &Arguments, gateway: &Gateway, out: &mut dyn Write) -> Done {
    let draft = draft(arguments, gateway).await?;
    let key = arguments.key.clone().map_or_else(fresh_key, Ok)?;
    let id = sent(arguments, gateway, &draft, &key, out).await;
    let id = id.map_err(|failure| Failure::Sending {
        failure: Box::new(failure),
        key: key.clone(),
    })?;
    match standing(arguments, gateway, &id, out).await {
        Ok(code) if arguments.wait => Ok(code),
        Ok(_) => Ok(0),
        Err(failure) => {
            // The one thing that must not be lost.
            let _ = if gateway.json {
                writeln!(out, "{}", json!({ "id": id }))
            } else {
                writeln!(out, "{}", plain(&id))
            };
            Err(Failure::Sent {
                id: plain(&id),
                failure: Box::new(failure),
                key,
                waited: arguments.wait,
            })
        }
    }
}

/// How it stands once it has been sent. Whoever waits has its id at once.
async fn standing(arguments: &Arguments, gateway: &Gateway, id: &str, out: &mut dyn Write) -> Done {
    if arguments.wait && !gateway.json {
        writeln!(out, "{}\n", plain(id))?;
        out.flush()?;
    }
    let wait = arguments
        .wait
        .then(|| Duration::from_secs(arguments.timeout));
    status::one(id, wait, gateway, out).await
}

async fn draft(arguments: &Arguments, gateway: &Gateway) -> Result<Value, Failure> {
    let message = &arguments.message;
    let said = Said::of(message)?;
    let audience = &arguments.audience;
    let mut draft = json!({
        "category": message.category,
        "channels": message.channels(&said),
        "subject": message.subject,
        "text": said.text,
        "html": said.html,
        "sms_text": said.sms_text,
        "voice_script": said.voice_script,
        "emergency": arguments.emergency,
        "audience": {
            "contacts": audience.contacts,
            "groups": ids(gateway, "groups", &audience.groups).await?,
            "areas": ids(gateway, "areas", &audience.areas).await?,
            "filters": ids(gateway, "filters", &audience.filters).await?,
            "recipient_list": audience.recipient_list,
            "except_contacts": audience.except_contacts,
            "except_groups": ids(gateway, "groups", &audience.except_groups).await?,
            "except_areas": ids(gateway, "areas", &audience.except_areas).await?,
        },
    });
    if let Some(at) = &arguments.at {
        draft["scheduled_at"] = json!(at);
    }
    // An older gateway does not know it.
    if arguments.track_opens || arguments.track_clicks {
        draft["tracking"] = json!({
            "opens": arguments.track_opens,
            "clicks": arguments.track_clicks,
        });
    }
    Ok(draft)
}

/// What is said, with what stands in files.
struct Said {
    text: String,
    html: String,
    sms_text: String,
    voice_script: String,
}

impl Said {
    fn of(message: &Message) -> Result<Self, Failure> {
        if message.texts_of_input() > 1 {
            let why = "the standard input can be one of the texts only";
            return Err(Failure::Here(why.to_owned()));
        }
        let read = |given: &Option<String>, file: &Option<PathBuf>| match (given, file) {
            (Some(text), _) => Ok(text.clone()),
            (None, Some(path)) => read_file(path, TEXT_SIZE_MAX),
            (None, None) => Ok(String::new()),
        };
        // An editor's last line end is no part of what is sent or spoken.
        let short = |given, file| read(given, file).map(|text| text.trim_end().to_owned());
        Ok(Self {
            text: read(&message.text, &message.text_file)?,
            html: read(&None, &message.html_file)?,
            sms_text: short(&message.sms_text, &message.sms_text_file)?,
            voice_script: short(&message.voice_script, &message.voice_script_file)?,
        })
    }
}

impl Message {
    /// How many of its texts are read from the standard input.
    fn texts_of_input(&self) -> usize {
        let files = [
            &self.text_file,
            &self.html_file,
            &self.sms_text_file,
            &self.voice_script_file,
        ];
        let is_input = |file: &&Option<PathBuf>| file.as_deref() == Some(Path::new("-"));
        files.into_iter().filter(is_input).count()
    }

    /// The channels that were named, or those for which something is said.
    fn channels(&self, said: &Said) -> Vec<&'static str> {
        if !self.channels.is_empty() {
            return self
                .channels
                .iter()
                .map(|channel| channel.as_str())
                .collect();
        }
        let said = [
            (
                ChannelName::Email,
                !said.text.is_empty() || !said.html.is_empty(),
            ),
            (ChannelName::Text, !said.sms_text.is_empty()),
            (ChannelName::Call, !said.voice_script.is_empty()),
        ];
        let said = said.into_iter().filter(|(_, said)| *said);
        said.map(|(channel, _)| channel.as_str()).collect()
    }
}

/// Keeps the draft, looks at it, and sends it once that is confirmed; its id. What had been sent
/// by an earlier try with the same key is left alone.
async fn sent(
    arguments: &Arguments,
    gateway: &Gateway,
    draft: &Value,
    key: &str,
    out: &mut dyn Write,
) -> Result<String, Failure> {
    let made = gateway
        .post(PATH, &format!("{key}-draft"), Some(draft))
        .await?;
    let id = read::<Made>(&made)?.id;
    let (_, now) = status::look(gateway, &id).await?;
    if now.state != "draft" {
        return Ok(id);
    }
    let text = gateway.get(&format!("{PATH}/{id}/review")).await?;
    let review: Review = read(&text)?;
    if !arguments.yes {
        if gateway.json {
            writeln!(out, "{text}")?;
        } else {
            print(&review, out)?;
        }
    }
    let warned = confirmed(arguments, &review, &id, out)?;
    // Another answer to the warnings is another request.
    let (asked, key) = if warned {
        ("&confirm_warnings=true", format!("{key}-send-confirmed"))
    } else {
        ("", format!("{key}-send"))
    };
    let path = format!("{PATH}/{id}/send?modified_at={}{asked}", now.modified_at);
    gateway.post(&path, &key, None).await?;
    Ok(id)
}

/// Whether warnings were looked at, too.
fn confirmed(
    arguments: &Arguments,
    review: &Review,
    id: &str,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    if arguments.yes {
        return Ok(arguments.confirm_warnings);
    }
    let by_program = arguments.connection.json || arguments.message.texts_of_input() > 0;
    let asked = review.errors.is_empty() && !by_program && std::io::stdin().is_terminal();
    if asked && says_yes(&mut std::io::stdin().lock(), out)? {
        return Ok(true);
    }
    Err(Failure::Unconfirmed(format!(
        "nothing was sent; it is kept as draft {}. Say --yes to send it.",
        plain(id)
    )))
}

fn says_yes(input: &mut dyn BufRead, out: &mut dyn Write) -> std::io::Result<bool> {
    write!(out, "Send it? [y/N] ")?;
    out.flush()?;
    let mut line = String::new();
    input.take(YES_SIZE_MAX).read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn print(review: &Review, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "people          {}", review.people)?;
    for reach in &review.channels {
        let channel = plain(&reach.channel);
        writeln!(
            out,
            "by {channel:12} {} ({} messages)",
            reach.people, reach.deliveries
        )?;
    }
    writeln!(out, "not to reach    {}", review.cannot_reach_count)?;
    if review.needs_approval {
        writeln!(out, "Somebody else has to approve it before it goes out.")?;
    }
    for (name, all) in [("Wrong:", &review.errors), ("Warnings:", &review.warnings)] {
        if !all.is_empty() {
            writeln!(out, "{name}")?;
        }
        for one in all {
            writeln!(out, "{}", one.line())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (line, yes) in [
            ("y\n", true),
            ("yes\n", true),
            ("\n", false),
            ("", false),
            ("yo\n", false),
        ] {
            let mut out = Vec::new();
            assert_eq!(
                says_yes(&mut line.as_bytes(), &mut out).unwrap(),
                yes,
                "{line:?}"
            );
            assert!(out.starts_with(b"Send it?"));
        }
    }

    #[test]
    fn keys_fit_into_a_header() {
        assert_eq!(key_of("flood-2026"), Ok("flood-2026".to_owned()));
        for wrong in ["", "two words", "é", "a\r\nb", &"x".repeat(151)] {
            assert!(key_of(wrong).is_err(), "{wrong:?}");
        }
    }
}
