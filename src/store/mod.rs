//! Durable state: the one room that knows the engine.

pub mod acting;
mod alert_rows;
mod answer_rows;
mod audit_rows;
mod case_rows;
pub mod check;
mod delivery_rows;
pub mod engine;
mod erasure_rows;
mod import_rows;
mod inbox_rows;
pub mod keys;
mod list_rows;
mod lists;
mod loose;
mod person_rows;
mod program_rows;
mod quota;
pub mod records;
pub mod repo;
pub mod rows;
mod template_rows;
mod webhook_rows;
mod words;

pub use audit_rows::AuditBatch;
pub use delivery_rows::DeliveryBatch;
pub use engine::{Batch, Store, StoreError};
pub use lists::{Listed, Seek};
pub use loose::{LooseBatch, LooseBlob};
pub use quota::Quota;
pub use repo::{
    AREAS_MAX, Audited, Ended, HeardPool, Page, Repo, RepoError, SearchTodo, Searched, ThreadList,
};
pub use repo::{CASES_OF_ONE_MAX, CaseList, CommunicationList, EntryList, Happened};
pub use repo::{Find, Order};
pub use rows::{Loaded, NO_AREA, Row, RowBatch};

#[cfg(test)]
mod repo_laws;
#[cfg(test)]
mod world;
