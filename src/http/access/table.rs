//! The table of routes: one line for each method of each path.

mod api;
mod pages;

use super::{Need, RouteRule};
use crate::domain::Permission as P;

/// Every route of the console and the API.
pub(crate) const ROUTES: &[&[RouteRule]] = &[
    pages::FRAME,
    pages::MESSAGES,
    pages::TEMPLATES,
    pages::REPLIES,
    pages::PEOPLE,
    pages::PLACES,
    pages::FILES,
    pages::MATTERS,
    pages::USERS,
    pages::WEBHOOKS,
    pages::ANSWERS,
    api::OWN,
    api::USERS,
    api::MESSAGES,
    api::TEMPLATES,
    api::REPLIES,
    api::PEOPLE,
    api::PLACES,
    api::FILES,
    api::MATTERS,
    api::WEBHOOKS,
    api::ANSWERS,
    api::ALERTS,
];

const fn line(
    method: &'static str,
    path: &'static str,
    need: Need,
    act: &'static str,
) -> RouteRule {
    RouteRule {
        method,
        path,
        need,
        act,
    }
}

/// A page or an answer that only shows.
const fn read(path: &'static str, may: P) -> RouteRule {
    line("GET", path, Need::May(may), "")
}

/// A file that is taken out.
const fn take(path: &'static str, may: P, act: &'static str) -> RouteRule {
    line("GET", path, Need::May(may), act)
}

const fn post(path: &'static str, may: P, act: &'static str) -> RouteRule {
    line("POST", path, Need::May(may), act)
}

const fn put(path: &'static str, may: P, act: &'static str) -> RouteRule {
    line("PUT", path, Need::May(may), act)
}

const fn patch(path: &'static str, may: P, act: &'static str) -> RouteRule {
    line("PATCH", path, Need::May(may), act)
}

const fn delete(path: &'static str, may: P, act: &'static str) -> RouteRule {
    line("DELETE", path, Need::May(may), act)
}

/// The same, for those who cover everywhere.
const fn everywhere(rule: RouteRule) -> RouteRule {
    match rule.need {
        Need::May(permission) => RouteRule {
            need: Need::Everywhere(permission),
            ..rule
        },
        Need::Everywhere(_) | Need::Login | Need::Public => rule,
    }
}
