//! Two contacts that are one person become one.

use super::super::write::write_log;
use super::super::{Tracker, TrackerError};
use crate::domain::merger::{MERGED_MAX, MergeProblem, merge};
use crate::domain::{
    Actor, ContactChange, ContactId, LogEvent, Merger, Recipient, UserId, comms_issue,
};
use crate::store::{Batch, RowBatch};

/// Users whose recipient lists are looked through.
const USERS_MAX: usize = 2_000;

/// What merging came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// They are one.
    Done,
    /// They cannot be; nothing was written.
    Impossible(MergeProblem),
    /// The kept contact has taken over as many as it may.
    TooMany,
}

impl Tracker {
    /// Lets one contact take another one over: methods, groups, decisions, places on recipient
    /// lists. The other one is no more. Its deliveries, log lines and threads stay under its id; whoever
    /// asks for it is led to the kept one ([`crate::store::Repo::current_contact`]), and the
    /// kept one's pages show both. What still comes back for its deliveries counts for the kept
    /// one.
    ///
    /// # Errors
    /// When one of them does not exist, or the store fails.
    pub async fn merge_contacts(
        &self,
        keep: ContactId,
        other: ContactId,
        by: UserId,
    ) -> Result<Merged, TrackerError> {
        let merged = self.merge_rows(keep, other, by).await?;
        if merged == Merged::Done {
            // Until then, and if it is cut short, they are found under both ids.
            self.move_cases(other, keep).await?;
        }
        Ok(merged)
    }

    async fn merge_rows(
        &self,
        keep: ContactId,
        other: ContactId,
        by: UserId,
    ) -> Result<Merged, TrackerError> {
        self.commit_anew(|| {
            let missing = || TrackerError::NotFound("contact");
            let kept = self.repo.contact(keep)?.ok_or_else(missing)?;
            let before = self.repo.merger(other)?;
            if before.is_some_and(|merger| merger.into == keep) {
                // It was cut short before the cases had moved.
                return Ok((Batch::new(), Merged::Done));
            }
            let gone = self.repo.contact(other)?.ok_or_else(missing)?;
            let mut new = kept.value.clone();
            if let Err(problem) = merge(&mut new, &gone) {
                return Ok((Batch::new(), Merged::Impossible(problem)));
            }
            let earlier = self.repo.merged_into(other)?;
            if self.repo.merged_into(keep)?.len() + earlier.len() >= MERGED_MAX {
                return Ok((Batch::new(), Merged::TooMany));
            }
            let now = self.clock.wall();
            comms_issue::refresh(&mut new, now);
            let mut batch = Batch::new();
            batch.replace(&kept, &new);
            self.tell_of_issue(&mut batch, &kept, &new, now)?;
            batch.remove(&gone);
            batch.insert(&Merger {
                from: other,
                into: keep,
                at: now,
                by,
            });
            // Nobody has to follow two steps.
            for id in earlier {
                if let Some(old) = self.repo.merger(id)? {
                    let moved = Merger {
                        into: keep,
                        ..old.value.clone()
                    };
                    batch.replace(&old, &moved);
                }
            }
            self.move_recipients(&mut batch, keep, other)?;
            let line = LogEvent::changed(ContactChange::Merged, None, Actor::User(by));
            write_log(&mut batch, keep, now, vec![line], self.random.next_u64());
            Ok((batch, Merged::Done))
        })
        .await
    }

    fn move_recipients(
        &self,
        batch: &mut Batch,
        keep: ContactId,
        other: ContactId,
    ) -> Result<(), TrackerError> {
        for user in self.repo.users(USERS_MAX)? {
            let Some(entry) = self.repo.recipient(user.id, other)? else {
                continue;
            };
            batch.remove(&entry);
            if self.repo.recipient(user.id, keep)?.is_none() {
                batch.insert(&Recipient {
                    contact: keep,
                    ..entry.value
                });
            }
        }
        Ok(())
    }
}
