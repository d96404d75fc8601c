//! The order of a list in its address, and the heads of columns that change it.

use super::super::fields::Fields;
use super::filter_form::with;
use crate::store::Order;

/// The head of a column by which a list can be sorted.
pub(crate) struct SortHead {
    /// The list in the other order of this column, with the same filters.
    pub(crate) href: String,
    /// How the list is sorted by this column (WAI-ARIA 1.2, `aria-sort`); empty when by another.
    pub(crate) aria: &'static str,
}

impl SortHead {
    /// The same list, shown from the part of the page with this id on.
    pub(super) fn beside(mut self, id: &str) -> Self {
        self.href = format!("{}#{id}", self.href);
        self
    }
}

/// The order that an address asks for: the newest first, or with `order=oldest` the oldest.
pub(super) fn order_of(fields: &Fields) -> Order {
    if fields.get("order") == "oldest" {
        Order::Turned
    } else {
        Order::Usual
    }
}

/// An address with its order.
pub(super) fn ordered(here: &str, order: Order) -> String {
    match order {
        Order::Usual => here.to_owned(),
        Order::Turned => with(here, "order=oldest"),
    }
}

/// The head of the column of names, and the order that an address asks for: from A on, or with
/// `order=desc` from Z on. `here` is the address without its order.
pub(super) fn by_name(here: &str, fields: &Fields) -> (SortHead, Order) {
    if fields.get("order") == "desc" {
        let href = here.to_owned();
        let aria = "descending";
        return (SortHead { href, aria }, Order::Turned);
    }
    let href = with(here, "order=desc");
    let aria = "ascending";
    (SortHead { href, aria }, Order::Usual)
}

/// The head of the column of times; `here` is the address without its order.
pub(super) fn by_time(here: &str, order: Order) -> SortHead {
    match order {
        Order::Usual => SortHead {
            href: ordered(here, Order::Turned),
            aria: "descending",
        },
        Order::Turned => SortHead {
            href: here.to_owned(),
            aria: "ascending",
        },
    }
}
