//! What answers mean. PURE: a reply, report or status in, a `Verdict` out.
