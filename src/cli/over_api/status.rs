//! `tocsin status`

use std::io::Write;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::columns::{self, or_dash, plain};
use super::failure::UNKNOWN;
use super::gateway::{Gateway, escaped, read, with_query};
use super::{Connection, Done, EXIT_CODES, Failure};

const PATH: &str = "/api/v1/communications";
/// Time between two looks at a communication that is waited for.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Exit codes of how a communication stands.
const PARTLY: u8 = 10;
const FAILED: u8 = 11;
const UNDER_WAY: u8 = 12;
const NOT_ON_ITS_WAY: u8 = 14;
/// Longest time that is waited, in seconds: a year.
pub(super) const WAIT_SECONDS_MAX: u64 = 365 * 24 * 3600;

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(in super::super) struct Arguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    /// Which communication; the last ones when none is named.
    id: Option<String>,
    /// Say by the exit code how it stands: 0 everybody was reached, 10 some, 11 nobody, 12 it is
    /// still under way, 13 that is not told to this token, 14 it is a draft or awaits approval.
    #[arg(long, requires = "id")]
    check: bool,
    /// Wait until nothing is under way any more, then as with --check.
    #[arg(long, requires = "id")]
    wait: bool,
    /// How long to wait, in seconds; a year at most.
    #[arg(long, value_name = "SECONDS", default_value = "600", requires = "wait",
        value_parser = clap::value_parser!(u64).range(..=WAIT_SECONDS_MAX))]
    timeout: u64,
    /// How many are listed.
    #[arg(long, default_value = "20", value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// List those, too, that the gateway sent by itself.
    #[arg(long)]
    all: bool,
}

/// A communication, as far as it is shown.
#[derive(Debug, Deserialize)]
pub(super) struct Communication {
    pub(super) id: String,
    title: String,
    pub(super) state: String,
    pub(super) modified_at: String,
    sent_at: Option<String>,
    statistics: Option<Numbers>,
}

/// How many people were reached.
#[derive(Debug, Deserialize)]
struct Numbers {
    people: u64,
    contacted: u64,
    in_progress: u64,
    not_contacted: u64,
    by_status: Vec<StatusCount>,
}

#[derive(Debug, Deserialize)]
struct StatusCount {
    channel: String,
    status: String,
    count: u64,
}

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Communication>,
}

impl Communication {
    /// The exit code that says how it stands.
    fn standing(&self) -> u8 {
        match (self.state.as_str(), &self.statistics) {
            ("draft" | "awaiting-approval", _) => NOT_ON_ITS_WAY,
            // Numbers that would count whom a token does not see are not told to it.
            ("sent" | "expanding", None) => UNKNOWN,
            ("sent", Some(numbers)) if numbers.in_progress == 0 => numbers.reached(),
            _ => UNDER_WAY,
        }
    }
}

impl Numbers {
    const fn reached(&self) -> u8 {
        match (self.contacted, self.not_contacted) {
            (0, _) => FAILED,
            (_, 0) => 0,
            _ => PARTLY,
        }
    }
}

pub(super) async fn run(arguments: &Arguments, gateway: &Gateway, out: &mut dyn Write) -> Done {
    let Some(id) = &arguments.id else {
        return list(arguments, gateway, out).await;
    };
    let wait = arguments
        .wait
        .then(|| Duration::from_secs(arguments.timeout));
    let code = one(id, wait, gateway, out).await?;
    Ok(if arguments.check || arguments.wait {
        code
    } else {
        0
    })
}

async fn list(arguments: &Arguments, gateway: &Gateway, out: &mut dyn Write) -> Done {
    let limit = arguments.limit.to_string();
    let all = arguments.all.then_some("true");
    let text = gateway
        .get(&with_query(PATH, &[("limit", Some(&limit)), ("all", all)]))
        .await?;
    if gateway.json {
        writeln!(out, "{text}")?;
        return Ok(0);
    }
    let page: Page = read(&text)?;
    let row = |one: &Communication| {
        let number = |of: fn(&Numbers) -> u64| {
            one.statistics
                .as_ref()
                .map_or("-".to_owned(), |numbers| of(numbers).to_string())
        };
        [
            one.id.clone(),
            one.state.clone(),
            or_dash(one.sent_at.as_deref()),
            number(|numbers| numbers.people),
            number(|numbers| numbers.contacted),
            number(|numbers| numbers.in_progress),
            number(|numbers| numbers.not_contacted),
            one.title.clone(),
        ]
    };
    let heads = [
        "ID",
        "STATE",
        "SENT",
        "PEOPLE",
        "REACHED",
        "UNDER WAY",
        "NOT",
        "TITLE",
    ];
    let rows: Vec<_> = page.items.iter().map(row).collect();
    columns::write(out, heads, &rows)?;
    Ok(0)
}

/// Reads one communication.
pub(super) async fn look(gateway: &Gateway, id: &str) -> Result<(String, Communication), Failure> {
    let text = gateway.get(&format!("{PATH}/{}", escaped(id))).await?;
    let communication = read(&text)?;
    Ok((text, communication))
}

/// Prints one communication, once nothing is under way any more or the time to wait is over; its
/// code says how it stands.
pub(super) async fn one(
    id: &str,
    wait: Option<Duration>,
    gateway: &Gateway,
    out: &mut dyn Write,
) -> Done {
    let begun = Instant::now();
    let over = || wait.is_none_or(|wait| begun.elapsed() >= wait);
    let mut heard = false;
    let (text, communication) = loop {
        match look(gateway, id).await {
            Ok((_, communication)) if communication.standing() == UNDER_WAY && !over() => {
                heard = true;
            }
            Err(failure) if failure.may_pass(heard) && !over() => {}
            looked => break looked?,
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    };
    if gateway.json {
        writeln!(out, "{text}")?;
    } else {
        print(&communication, out)?;
    }
    Ok(communication.standing())
}

fn print(communication: &Communication, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{}  {}",
        plain(&communication.id),
        plain(&communication.title)
    )?;
    writeln!(out, "state        {}", plain(&communication.state))?;
    writeln!(
        out,
        "sent         {}",
        plain(&or_dash(communication.sent_at.as_deref()))
    )?;
    let Some(numbers) = &communication.statistics else {
        if communication.standing() == UNKNOWN {
            writeln!(out, "numbers      not told to this token")?;
        }
        return Ok(());
    };
    writeln!(out, "people       {}", numbers.people)?;
    writeln!(out, "reached      {}", numbers.contacted)?;
    writeln!(out, "under way    {}", numbers.in_progress)?;
    writeln!(out, "not reached  {}", numbers.not_contacted)?;
    if numbers.by_status.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let row = |one: &StatusCount| {
        [
            one.channel.clone(),
            one.status.clone(),
            one.count.to_string(),
        ]
    };
    let rows: Vec<_> = numbers.by_status.iter().map(row).collect();
    columns::write(out, ["CHANNEL", "STATUS", "MESSAGES"], &rows)
}
