//! The frame around a public page, and its words.

use std::fmt::Display;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;

use super::super::assets::{ASSETS, Assets};
use super::super::fields::Fields;
use super::super::language;
use super::super::session::{cookie, set_cookie};
use super::super::words::Words;
use super::Site;
use super::visit::Visitor;

/// Cookie that remembers which language was chosen.
const LANGUAGE_COOKIE: &str = "tocsin-language";
/// How long it does: a year, in seconds.
const LANGUAGE_AGE: u64 = 365 * 24 * 3600;

/// Another language that the page can be read in.
pub(super) struct Choice {
    pub(super) language: &'static str,
    pub(super) name: &'static str,
    pub(super) href: String,
    pub(super) current: bool,
}

/// The frame around a page, and its words.
pub(super) struct Frame {
    pub(crate) words: &'static Words,
    pub(crate) assets: &'static Assets,
    pub(crate) title: String,
    pub(crate) organisation: String,
    /// Whether somebody is logged in.
    pub(crate) known: bool,
    pub(crate) csrf: String,
    pub(crate) done: Option<&'static str>,
    pub(crate) sign_up: bool,
    pub(crate) privacy_url: Option<String>,
    pub(crate) choices: Vec<Choice>,
}

/// What is asked of every page: in which language, and where it is.
pub(super) struct Asked {
    pub(super) words: &'static Words,
    uri: Uri,
}

impl FromRequestParts<Arc<Site>> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        site: &Arc<Site>,
    ) -> Result<Self, std::convert::Infallible> {
        Ok(Self {
            words: words_of(site, &parts.headers, &parts.uri),
            uri: parts.uri.clone(),
        })
    }
}

impl Asked {
    /// The same in the language of the person, unless another one is asked for on the page.
    pub(super) fn in_language_of(self, language: &str) -> Self {
        if Words::known(&self.query("lang")).is_some() {
            return self;
        }
        Self {
            words: Words::known(language).unwrap_or(self.words),
            uri: self.uri,
        }
    }

    /// The value of a name in the address.
    pub(super) fn query(&self, name: &str) -> String {
        Fields::of_query(&self.uri).get(name).to_owned()
    }
}

/// The language that was chosen now or earlier, else what the browser asks for.
pub(super) fn words_of(site: &Site, headers: &HeaderMap, uri: &Uri) -> &'static Words {
    let chosen = Fields::of_query(uri);
    Words::known(chosen.get("lang"))
        .or_else(|| cookie(headers, LANGUAGE_COOKIE).and_then(Words::known))
        .or_else(|| language::asked(headers))
        .unwrap_or(site.default_words)
}

/// Remembers a language that was chosen just now.
pub(super) fn remember(site: &Site, uri: &Uri, response: &mut Response) {
    let chosen = Fields::of_query(uri);
    if let Some(words) = Words::known(chosen.get("lang")) {
        let secure = site.settings().secure_cookie;
        let cookie = set_cookie(LANGUAGE_COOKIE, words.language, secure, Some(LANGUAGE_AGE));
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

impl Frame {
    /// A frame for nobody in particular.
    pub(super) fn bare(site: &Site, asked: &Asked, title: &'static str) -> Self {
        let settings = site.settings();
        let path = asked.uri.path();
        let choices = Words::languages().map(|(language, name)| Choice {
            language,
            name,
            href: format!("{path}?lang={language}"),
            current: language == asked.words.language,
        });
        Self {
            words: asked.words,
            assets: &ASSETS,
            title: asked.words.t(title).to_owned(),
            organisation: settings.organisation.clone(),
            known: false,
            csrf: String::new(),
            done: None,
            sign_up: settings.sign_up,
            privacy_url: settings.privacy_url.clone(),
            choices: choices.collect(),
        }
    }

    /// The frame for whoever is logged in.
    pub(super) fn of(site: &Site, asked: &Asked, visitor: &Visitor, title: &'static str) -> Self {
        Self {
            known: true,
            csrf: visitor.csrf.clone(),
            ..Self::bare(site, asked, title)
        }
    }

    /// The frame with a word on what has just been done (`?done=` of the address).
    pub(super) fn with_done(mut self, done: &str) -> Self {
        self.done = match done {
            "saved" => Some("self.done.saved"),
            "sent" => Some("self.done.sent"),
            "soon" => Some("self.done.soon"),
            "not" => Some("self.done.not"),
            "removed" => Some("self.done.removed"),
            "paused" => Some("self.done.paused"),
            "resumed" => Some("self.done.resumed"),
            "confirmed" => Some("self.done.confirmed"),
            "bye" => Some("self.done.bye"),
            "deleted" => Some("self.done.deleted"),
            _ => None,
        };
        self
    }

    pub(crate) fn t(&self, key: &'static str) -> &'static str {
        self.words.t(key)
    }

    pub(crate) fn f1(&self, key: &'static str, value: impl Display) -> String {
        self.words.fill(key, &[&value])
    }
}
