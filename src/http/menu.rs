//! The main menu: one line for each entry.

use super::view::Chrome;
use crate::domain::Permission;

/// A group of entries that belong together; its name is for screen readers.
pub(crate) struct Group {
    pub(crate) label: &'static str,
    pub(crate) entries: Vec<Entry>,
}

/// An entry of the main menu.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) href: &'static str,
    /// What a page of it names as its section.
    pub(crate) section: &'static str,
    pub(crate) icon: &'static str,
    /// Key of its name.
    pub(crate) label: &'static str,
    /// A number that asks for attention; 0 shows none.
    pub(crate) count: u64,
    /// What the number counts, for screen readers.
    pub(crate) counts: &'static str,
}

const fn entry(
    href: &'static str,
    section: &'static str,
    icon: &'static str,
    label: &'static str,
) -> Entry {
    Entry {
        href,
        section,
        icon,
        label,
        count: 0,
        counts: "",
    }
}

/// What whoever is logged in finds in the menu.
pub(crate) fn menu(c: &Chrome) -> Vec<Group> {
    let issues = Entry {
        count: c.issues,
        counts: "nav.issues_count",
        ..entry("/issues", "issues", "alert", "nav.issues")
    };
    let inbox = Entry {
        count: c.unread,
        counts: "nav.unread",
        ..entry("/inbox", "inbox", "inbox", "nav.inbox")
    };
    let communications = Entry {
        count: c.approvals,
        counts: "nav.approvals",
        ..entry(
            "/communications",
            "communications",
            "send",
            "nav.communications",
        )
    };
    let mut groups = vec![
        Group {
            label: "nav.messages",
            entries: vec![
                entry("/", "overview", "home", "nav.overview"),
                communications,
                entry("/campaigns", "campaigns", "sheet", "campaigns.title"),
                inbox,
                entry("/templates", "templates", "file", "templates.title"),
                entry("/log", "log", "list", "commslog.title"),
                entry("/search", "search", "search", "nav.search"),
            ],
        },
        Group {
            label: "cases.title",
            entries: vec![
                entry("/cases", "cases", "file", "cases.title"),
                entry("/correspondence", "correspondence", "mail", "entries.title"),
            ],
        },
        Group {
            label: "nav.people",
            entries: vec![
                entry("/contacts", "contacts", "people", "nav.contacts"),
                issues,
                entry("/recipients", "recipients", "list", "nav.recipients"),
                entry("/areas", "areas", "map", "nav.areas"),
            ],
        },
    ];
    let administration = administration(c);
    if !administration.is_empty() {
        groups.push(Group {
            label: "nav.administration",
            entries: administration,
        });
    }
    groups
}

fn administration(c: &Chrome) -> Vec<Entry> {
    let mut administration = Vec::new();
    if c.may_administer() {
        if c.whole {
            administration.push(entry("/users", "users", "key", "nav.users"));
            administration.push(entry("/webhooks", "webhooks", "send", "webhooks.title"));
            let answers = entry("/unknown-answers", "answers", "question", "answers.title");
            administration.push(answers);
        }
        administration.push(entry("/api", "programs", "file", "programs.menu"));
    }
    if c.may(Permission::Audit) {
        administration.push(entry("/audit", "audit", "eye", "audit.title"));
    }
    if c.may_retain() && c.whole {
        administration.push(entry("/retention", "retention", "clock", "retention.title"));
    }
    administration
}
