//! The pages through the router, over a store in memory.
#![allow(clippy::unwrap_used)]

mod access;
mod api;
mod api_contacts;
mod api_imports;
mod api_journey;
mod api_lists;
mod api_people;
mod api_replies;
mod api_rows;
mod api_sending;
mod audit;
mod comms_log;
mod compose;
mod confirmation;
mod correspondence;
mod evidence;
mod imports;
mod inbox;
mod inbox_people;
mod issues;
mod journey;
mod languages;
mod machines;
mod mail_html;
mod people;
mod recipients;
mod recontact;
mod routes;
mod scopes;
mod search;
mod self_service;
mod serving;
mod statistics;
mod templates;
mod users;
pub(super) mod world;
