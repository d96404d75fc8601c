//! `tocsin contacts`

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use super::columns::{self, or_dash, plain};
use super::gateway::{Gateway, escaped, read, read_file, with_query};
use super::send::{fresh_key, id_of, key_of};
use super::{Connection, Done, EXIT_CODES, Failure};

const PATH: &str = "/api/v1/contacts";
/// Most octets of a contact that is read from a file.
const CONTACT_SIZE_MAX: u64 = 1024 * 1024;

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(in super::super) struct Arguments {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List contacts, by first name.
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        page: Page,
    },
    /// Find contacts by words of their name, an address or a number.
    Search {
        /// What is looked for.
        words: String,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        page: Page,
    },
    /// Show one contact with everything that reaches it.
    Show {
        /// Its id.
        id: String,
    },
    /// Add a contact.
    Add(Box<New>),
    /// Write contacts to a file that can be brought back as an import.
    Export {
        /// What kind of file.
        #[arg(long, value_enum, default_value = "csv")]
        format: Format,
        /// Where to; the standard output without it.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Only those found by words of their name, an address or a number.
        #[arg(long, value_name = "WORDS")]
        search: Option<String>,
        #[command(flatten)]
        filter: Filter,
    },
}

/// Which contacts.
#[derive(Debug, clap::Args)]
struct Filter {
    /// Only those in this area (its id or name) and what lies in it; "none" for those without one.
    #[arg(long)]
    area: Option<String>,
    /// Only those of this group (its id or name).
    #[arg(long)]
    group: Option<String>,
    /// Only those who are fine, have an issue or are unreachable.
    #[arg(long, value_name = "fine|issue|unreachable")]
    reachability: Option<String>,
}

/// How many of them.
#[derive(Debug, clap::Args)]
struct Page {
    /// Rows of the page.
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// Where the page before ended.
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Csv,
    Xlsx,
}

/// A new contact.
#[derive(Debug, clap::Args)]
struct New {
    /// Read it from this file, or from the standard input if it is "-", as the API takes it
    /// (JSON): others on this machine can read arguments among the processes.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "first_name", "last_name", "kind", "language", "area", "groups", "emails", "mobiles",
        "landlines",
    ])]
    from: Option<PathBuf>,
    /// First name.
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// Last name.
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// citizen (when it is not given), client, creditor, staff or correspondent.
    #[arg(long)]
    kind: Option<String>,
    /// ISO 639-1; the installation's when it is not given.
    #[arg(long)]
    language: Option<String>,
    /// Area, by its id or name.
    #[arg(long)]
    area: Option<String>,
    /// Group, by its id or name; given once for each.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// An email address; given once for each.
    #[arg(long = "email", value_name = "ADDRESS")]
    emails: Vec<String>,
    /// A mobile number; given once for each.
    #[arg(long = "mobile", value_name = "NUMBER")]
    mobiles: Vec<String>,
    /// A landline number; given once for each.
    #[arg(long = "landline", value_name = "NUMBER")]
    landlines: Vec<String>,
    /// Asked again with the key of a try that failed, it is added once. A key counts for 24 hours.
    #[arg(long, value_name = "KEY", value_parser = key_of)]
    key: Option<String>,
}

/// A contact, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Contact {
    id: String,
    first_name: String,
    last_name: String,
    kind: String,
    language: String,
    area_name: String,
    reachability: String,
    methods: Vec<Method>,
}

#[derive(Debug, Deserialize)]
struct Method {
    kind: String,
    to: String,
    state: String,
}

#[derive(Debug, Deserialize)]
struct Found {
    items: Vec<Contact>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Made {
    id: String,
}

impl Contact {
    fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
            .trim()
            .to_owned()
    }
}

pub(super) async fn run(arguments: &Arguments, gateway: &Gateway, out: &mut dyn Write) -> Done {
    match &arguments.action {
        Action::List { filter, page } => list(gateway, None, filter, page, out).await,
        Action::Search {
            words,
            filter,
            page,
        } => list(gateway, Some(words), filter, page, out).await,
        Action::Show { id } => show(gateway, id, out).await,
        Action::Add(new) => {
            let key = new.key.clone().map_or_else(fresh_key, Ok)?;
            let added = add(gateway, new, &key, out).await;
            added.map_err(|failure| Failure::Sending {
                failure: Box::new(failure),
                key,
            })
        }
        Action::Export {
            format,
            out: file,
            search,
            filter,
        } => {
            let path = export_path(gateway, *format, search.as_deref(), filter).await?;
            match file {
                Some(file) => fetch_to(gateway, &path, file).await?,
                None => gateway.fetch(&path, out).await?,
            }
            Ok(0)
        }
    }
}

impl Filter {
    async fn area(&self, gateway: &Gateway) -> Result<Option<String>, Failure> {
        match self.area.as_deref() {
            Some("none") => Ok(Some("none".to_owned())),
            Some(area) => id_of(gateway, "areas", area).await.map(Some),
            None => Ok(None),
        }
    }

    async fn group(&self, gateway: &Gateway) -> Result<Option<String>, Failure> {
        match self.group.as_deref() {
            Some(group) => id_of(gateway, "groups", group).await.map(Some),
            None => Ok(None),
        }
    }
}

async fn list(
    gateway: &Gateway,
    words: Option<&str>,
    filter: &Filter,
    page: &Page,
    out: &mut dyn Write,
) -> Done {
    let (area, group) = (filter.area(gateway).await?, filter.group(gateway).await?);
    let limit = page.limit.to_string();
    let parameters = [
        ("q", words),
        ("area", area.as_deref()),
        ("group", group.as_deref()),
        ("reachability", filter.reachability.as_deref()),
        ("limit", Some(&*limit)),
        ("cursor", page.cursor.as_deref()),
    ];
    let text = gateway.get(&with_query(PATH, &parameters)).await?;
    if gateway.json {
        writeln!(out, "{text}")?;
        return Ok(0);
    }
    let found: Found = read(&text)?;
    let row = |one: &Contact| {
        let to: Vec<&str> = one
            .methods
            .iter()
            .map(|method| method.to.as_str())
            .collect();
        let area = or_dash(Some(&one.area_name));
        [
            one.id.clone(),
            one.name(),
            area,
            one.reachability.clone(),
            or_dash(Some(&to.join(" "))),
        ]
    };
    let rows: Vec<_> = found.items.iter().map(row).collect();
    columns::write(out, ["ID", "NAME", "AREA", "REACHABILITY", "TO"], &rows)?;
    if let Some(next) = found.next {
        writeln!(out, "\nThere are more: --cursor {}", plain(&next))?;
    }
    Ok(0)
}

async fn show(gateway: &Gateway, id: &str, out: &mut dyn Write) -> Done {
    let text = gateway.get(&format!("{PATH}/{}", escaped(id))).await?;
    if gateway.json {
        writeln!(out, "{text}")?;
        return Ok(0);
    }
    let one: Contact = read(&text)?;
    let lines = [
        ("id", one.id.clone()),
        ("name", one.name()),
        ("kind", one.kind),
        ("language", one.language),
        ("area", or_dash(Some(&one.area_name))),
        ("reachability", one.reachability),
    ];
    for (name, value) in lines {
        writeln!(out, "{name:12}  {}", plain(&value))?;
    }
    writeln!(out)?;
    let row = |method: &Method| [method.kind.clone(), method.to.clone(), method.state.clone()];
    let rows: Vec<_> = one.methods.iter().map(row).collect();
    columns::write(out, ["METHOD", "TO", "STATE"], &rows)?;
    Ok(0)
}

async fn add(gateway: &Gateway, new: &New, key: &str, out: &mut dyn Write) -> Done {
    let body = match &new.from {
        Some(file) => contact_in(file)?,
        None => contact_of(gateway, new).await?,
    };
    let text = gateway.post(PATH, key, Some(&body)).await?;
    if gateway.json {
        writeln!(out, "{text}")?;
    } else {
        writeln!(out, "{}", plain(&read::<Made>(&text)?.id))?;
    }
    Ok(0)
}

fn contact_in(file: &Path) -> Result<Value, Failure> {
    let text = read_file(file, CONTACT_SIZE_MAX)?;
    let wrong = |error| Failure::Here(format!("{}: {error}", file.display()));
    serde_json::from_str(&text).map_err(wrong)
}

async fn contact_of(gateway: &Gateway, new: &New) -> Result<Value, Failure> {
    let area = match &new.area {
        Some(area) => Some(id_of(gateway, "areas", area).await?),
        None => None,
    };
    let mut groups = Vec::with_capacity(new.groups.len());
    for group in &new.groups {
        groups.push(id_of(gateway, "groups", group).await?);
    }
    let kinds = [
        ("email", &new.emails),
        ("mobile", &new.mobiles),
        ("landline", &new.landlines),
    ];
    let methods = kinds
        .into_iter()
        .flat_map(|(kind, all)| all.iter().map(move |to| json!({ "kind": kind, "to": to })));
    let mut body = json!({ "methods": methods.collect::<Vec<Value>>(), "groups": groups });
    let given = [
        ("first_name", new.first_name.as_ref()),
        ("last_name", new.last_name.as_ref()),
        ("kind", new.kind.as_ref()),
        ("language", new.language.as_ref()),
        ("area", area.as_ref()),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    Ok(body)
}

async fn export_path(
    gateway: &Gateway,
    format: Format,
    words: Option<&str>,
    filter: &Filter,
) -> Result<String, Failure> {
    let (area, group) = (filter.area(gateway).await?, filter.group(gateway).await?);
    let format = match format {
        Format::Csv => "csv",
        Format::Xlsx => "xlsx",
    };
    let parameters = [
        ("format", Some(format)),
        ("q", words),
        ("area", area.as_deref()),
        ("group", group.as_deref()),
        ("reachability", filter.reachability.as_deref()),
    ];
    Ok(with_query(&format!("{PATH}/export"), &parameters))
}

/// Into a file that is there under its name once it is whole. What is no file, as a device or a
/// pipe, is written to as it is; a link is followed.
async fn fetch_to(gateway: &Gateway, path: &str, file: &Path) -> Result<(), Failure> {
    if std::fs::metadata(file).is_ok_and(|there| !there.is_file()) {
        let mut there = std::fs::OpenOptions::new().write(true).open(file)?;
        return gateway.fetch(path, &mut there).await;
    }
    let file = &std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut made = tempfile::NamedTempFile::new_in(folder)?;
    gateway.fetch(path, &mut made).await?;
    made.persist(file).map_err(|error| error.error)?;
    Ok(())
}
