//! The API for people: what programs can do, and a form for each operation to try it.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use std::sync::Arc;

use super::super::App;
use super::super::api::reading::{OPERATIONS, Operation};
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::view::Chrome;
use super::tokens::words_of;
use super::{Answer, show};

/// What one tag holds.
struct Tag {
    name: &'static str,
    count: usize,
    current: bool,
}

#[derive(Template)]
#[template(path = "programs.html")]
struct Page {
    c: Chrome,
    tags: Vec<Tag>,
    operations: Vec<&'static Operation>,
}

impl Page {
    /// What a token needs, in words.
    fn may(&self, operation: &Operation) -> &'static str {
        let key = operation.may.map_or("programs.any_token", words_of);
        self.c.t(key)
    }
}

/// `GET /api`: the tags, and the operations of one (`?tag=`).
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let query = Fields::of_query(&uri);
    let wanted = query.get("tag");
    let mut tags: Vec<Tag> = Vec::new();
    for operation in OPERATIONS.iter() {
        match tags.iter_mut().find(|tag| tag.name == operation.tag) {
            Some(tag) => tag.count += 1,
            None => tags.push(Tag {
                name: &operation.tag,
                count: 1,
                current: operation.tag == wanted,
            }),
        }
    }
    tags.sort_by_key(|tag| tag.name);
    if tags.iter().all(|tag| !tag.current)
        && let Some(first) = tags.first_mut()
    {
        first.current = true;
    }
    let current = tags.iter().find(|tag| tag.current);
    let tag = current.map_or("", |tag| tag.name);
    let of_tag = OPERATIONS.iter().filter(|operation| operation.tag == tag);
    show(&Page {
        c: Chrome::of(&app, &signed, signed.words.t("programs.title"), "programs")?,
        operations: of_tag.collect(),
        tags,
    })
}
