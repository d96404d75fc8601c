//! Where an area lies: an outline on the globe, and whether two of them meet.
//!
//! Coordinates are WGS 84 in millionths of a degree, as whole numbers: what meets is decided
//! exactly, without rounding. Outlines are taken as flat in latitude and longitude, which is right
//! for anything smaller than a country; one that crosses the 180th meridian is not understood.

use std::collections::BTreeSet;

use super::ids::AreaId;

/// Most points of one outline.
pub const OUTLINE_POINTS_MAX: usize = 2_000;
/// Most points of all outlines that are looked at together, as those of one alert.
pub const POINTS_TOTAL_MAX: usize = 5_000;
/// Most points of a hull that stands for an outline of more.
const HULL_POINTS_MAX: usize = 64;
/// Millionths in a degree.
const MICRO: f64 = 1_000_000.0;
/// Kilometres of a degree of latitude (a nautical mile to the minute).
const KM_PER_DEGREE: f64 = 111.12;
/// Points by which a circle is drawn.
const CIRCLE_POINTS: u32 = 36;

/// A point on the globe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// Latitude, north positive, in millionths of a degree.
    pub latitude: i32,
    /// Longitude, east positive, in millionths of a degree.
    pub longitude: i32,
}

impl Point {
    /// From degrees; none beyond the poles or the 180th meridian.
    #[must_use]
    pub fn from_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        let fits = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        // At most 180,000,000: it fits.
        #[allow(clippy::cast_possible_truncation)]
        let micro = |degrees: f64| (degrees * MICRO).round() as i32;
        fits.then(|| Self {
            latitude: micro(latitude),
            longitude: micro(longitude),
        })
    }

    fn degrees(self) -> (f64, f64) {
        (
            f64::from(self.latitude) / MICRO,
            f64::from(self.longitude) / MICRO,
        )
    }
}

/// A closed outline; the last point joins the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline(Vec<Point>);

impl Outline {
    /// Of these points in order; the first may stand again at the end. None for fewer than three
    /// different ones, or more than [`OUTLINE_POINTS_MAX`].
    #[must_use]
    pub fn new(mut points: Vec<Point>) -> Option<Self> {
        points.dedup();
        if points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        if points.len() > OUTLINE_POINTS_MAX {
            return None;
        }
        let different: BTreeSet<Point> = points.iter().copied().collect();
        (different.len() >= 3).then_some(Self(points))
    }

    /// From "latitude,longitude latitude,longitude …" in degrees, as CAP 1.2 (3.2.4) writes a
    /// polygon.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut points = Vec::new();
        for pair in text.split_whitespace() {
            if points.len() > OUTLINE_POINTS_MAX {
                return None;
            }
            points.push(point(pair)?);
        }
        Self::new(points)
    }

    /// As [`Outline::parse`], of any number of points: one of too many is drawn around them, so
    /// that nobody within is left out.
    #[must_use]
    pub fn parse_around(text: &str) -> Option<Self> {
        let points: Vec<Point> = text
            .split_whitespace()
            .map(point)
            .collect::<Option<Vec<_>>>()?;
        if points.len() <= OUTLINE_POINTS_MAX {
            return Self::new(points);
        }
        hull(&points).or_else(|| octagon(&points))
    }

    /// Fewer points around the same: the hull, or eight corners where that has too many, too.
    #[must_use]
    pub fn simpler(&self) -> Option<Self> {
        let hull = hull(&self.0).filter(|hull| hull.0.len() <= HULL_POINTS_MAX);
        hull.or_else(|| octagon(&self.0))
    }

    /// A circle of `km` around a point, drawn by its points; none where it reaches beyond a pole
    /// or the 180th meridian.
    ///
    /// It is drawn around the true circle, so that nobody within that is left out: its sides
    /// touch it, and a degree of longitude counts as short as it is nearest to the pole.
    #[must_use]
    pub fn circle(centre: Point, km: f64) -> Option<Self> {
        if !(km.is_finite() && (0.0..=20_000.0).contains(&km)) {
            return None;
        }
        let (latitude, longitude) = centre.degrees();
        let half_side = std::f64::consts::PI / f64::from(CIRCLE_POINTS);
        let high = (km / KM_PER_DEGREE).max(2.0 / MICRO) / half_side.cos();
        let nearest_pole = latitude.abs() + high;
        if nearest_pole >= 90.0 {
            return None;
        }
        let wide = high / nearest_pole.to_radians().cos();
        let at = |index: u32| {
            let angle = f64::from(index) * std::f64::consts::TAU / f64::from(CIRCLE_POINTS);
            Point::from_degrees(
                latitude + high * angle.sin(),
                longitude + wide * angle.cos(),
            )
        };
        Self::new((0..CIRCLE_POINTS).map(at).collect::<Option<_>>()?)
    }

    /// Its points, the first not again at the end.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.0
    }

    /// "latitude,longitude …" in degrees, the first point again at the end.
    #[must_use]
    pub fn text(&self) -> String {
        let points = self.0.iter().chain(self.0.first());
        let pair = |point: &Point| {
            let (latitude, longitude) = point.degrees();
            format!("{latitude},{longitude}")
        };
        points.map(pair).collect::<Vec<_>>().join(" ")
    }

    /// Whether the point lies in it or on its edge.
    #[must_use]
    pub fn contains(&self, point: Point) -> bool {
        let mut inside = false;
        for (a, b) in self.edges() {
            if turn(a, b, point) == 0 && between(a, b, point) {
                return true;
            }
            let crosses = (a.latitude > point.latitude) != (b.latitude > point.latitude);
            // Right of the edge when it goes up, left of it when it goes down.
            if crosses && (turn(a, b, point) > 0) == (b.latitude > a.latitude) {
                inside = !inside;
            }
        }
        inside
    }

    /// Whether they have a point in common.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        if !self.bounds_meet(other) {
            return false;
        }
        let one_in_other =
            |one: &Self, other: &Self| one.0.first().is_some_and(|point| other.contains(*point));
        one_in_other(self, other)
            || one_in_other(other, self)
            || self
                .edges()
                .any(|(a, b)| other.edges().any(|(c, d)| cross(a, b, c, d)))
    }

    fn edges(&self) -> impl Iterator<Item = (Point, Point)> {
        let next = self.0.iter().cycle().skip(1);
        self.0.iter().zip(next).map(|(a, b)| (*a, *b))
    }

    fn bounds_meet(&self, other: &Self) -> bool {
        let range = |of: &Self, by: fn(&Point) -> i32| {
            let all = of.0.iter().map(by);
            (all.clone().min(), all.max())
        };
        let apart = |by: fn(&Point) -> i32| {
            let (one, two) = (range(self, by), range(other, by));
            one.1 < two.0 || two.1 < one.0
        };
        !apart(|point| point.latitude) && !apart(|point| point.longitude)
    }
}

/// Outlines that are looked at together; at most [`POINTS_TOTAL_MAX`] points.
#[derive(Clone, Debug, Default)]
pub struct Outlines {
    all: Vec<Outline>,
    points: usize,
}

impl Outlines {
    /// Takes one more in; false when there would be too many points.
    #[must_use]
    pub fn add(&mut self, outline: Outline) -> bool {
        let points = self.points + outline.points().len();
        let fits = points <= POINTS_TOTAL_MAX;
        if fits {
            self.points = points;
            self.all.push(outline);
        }
        fits
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether one of them has a point in common with this one.
    #[must_use]
    pub fn meet(&self, other: &Outline) -> bool {
        self.all.iter().any(|outline| outline.meets(other))
    }
}

/// Most outlines of one area.
pub const AREA_OUTLINES_MAX: usize = 20;
/// Most points of all outlines of one area.
pub const AREA_POINTS_MAX: usize = 1_000;
/// Most codes of one area.
pub const AREA_GEOCODES_MAX: usize = 50;
/// Longest code with its system, in octets.
pub const GEOCODE_SIZE_MAX: usize = 100;

/// Where an area lies, so that alerts find it: outlines, and codes as "EMMA_ID=NL001".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaPlace {
    area: AreaId,
    outlines: Vec<Outline>,
    geocodes: Vec<String>,
}

impl AreaPlace {
    /// Of these; none when there are too many, or a code is none.
    #[must_use]
    pub fn new(area: AreaId, outlines: Vec<Outline>, geocodes: Vec<String>) -> Option<Self> {
        let points: usize = outlines.iter().map(|outline| outline.points().len()).sum();
        let is_code = |text: &String| {
            let parts = text.split_once('=');
            text.len() <= GEOCODE_SIZE_MAX
                && !text.chars().any(char::is_control)
                && parts.is_some_and(|(name, value)| !name.is_empty() && !value.is_empty())
        };
        let fits = outlines.len() <= AREA_OUTLINES_MAX
            && points <= AREA_POINTS_MAX
            && geocodes.len() <= AREA_GEOCODES_MAX
            && geocodes.iter().all(is_code);
        fits.then_some(Self {
            area,
            outlines,
            geocodes,
        })
    }

    /// Whose place it is.
    #[must_use]
    pub const fn area(&self) -> AreaId {
        self.area
    }

    /// Its outlines.
    #[must_use]
    pub fn outlines(&self) -> &[Outline] {
        &self.outlines
    }

    /// Its codes.
    #[must_use]
    pub fn geocodes(&self) -> &[String] {
        &self.geocodes
    }

    /// Whether nothing is known of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outlines.is_empty() && self.geocodes.is_empty()
    }
}

/// "latitude,longitude" in degrees.
#[must_use]
pub fn point(text: &str) -> Option<Point> {
    let (latitude, longitude) = text.split_once(',')?;
    let degrees = |text: &str| text.trim().parse::<f64>().ok();
    Point::from_degrees(degrees(latitude)?, degrees(longitude)?)
}

/// The smallest outline without dents around these points; none where it has too many corners.
fn hull(points: &[Point]) -> Option<Outline> {
    let sorted: BTreeSet<Point> = points.iter().copied().collect();
    let mut corners: Vec<Point> = Vec::new();
    // Once along each side: a corner that does not turn left is none.
    let forth = sorted.iter();
    let back = sorted.iter().rev();
    let sides: [Vec<&Point>; 2] = [forth.collect(), back.collect()];
    for side in sides {
        let begins = corners.len();
        for next in side {
            while let [.., before, last] = corners.get(begins..).unwrap_or_default()
                && turn(*before, *last, *next) <= 0
            {
                corners.pop();
            }
            corners.push(*next);
        }
        // It begins the other side.
        corners.pop();
    }
    Outline::new(corners)
}

/// Eight corners around these points: their bounds, with the corners cut off as far as may be.
fn octagon(points: &[Point]) -> Option<Outline> {
    let of = |by: fn(&Point) -> i64| {
        let all = points.iter().map(by);
        Some((all.clone().min()?, all.max()?))
    };
    let (south, north) = of(|point| i64::from(point.latitude))?;
    let (west, east) = of(|point| i64::from(point.longitude))?;
    let sum = of(|point| i64::from(point.latitude) + i64::from(point.longitude))?;
    let rise = of(|point| i64::from(point.latitude) - i64::from(point.longitude))?;
    let corners = [
        (south, sum.0 - south),
        (south, south - rise.0),
        (east + rise.0, east),
        (sum.1 - east, east),
        (north, sum.1 - north),
        (north, north - rise.1),
        (west + rise.1, west),
        (sum.0 - west, west),
    ];
    let corners = corners.into_iter().map(|(latitude, longitude)| {
        // Between the bounds, which are of points.
        let within = |value: i64, (low, high): (i64, i64)| i32::try_from(value.clamp(low, high));
        Some(Point {
            latitude: within(latitude, (south, north)).ok()?,
            longitude: within(longitude, (west, east)).ok()?,
        })
    });
    Outline::new(corners.collect::<Option<_>>()?)
}

/// Positive when `c` lies left of the way from `a` to `b`, zero on it. At most 2 × 360,000,000²:
/// it fits into 64 bits.
fn turn(a: Point, b: Point, c: Point) -> i64 {
    let way = |from: i32, to: i32| i64::from(to) - i64::from(from);
    way(a.longitude, b.longitude) * way(a.latitude, c.latitude)
        - way(a.latitude, b.latitude) * way(a.longitude, c.longitude)
}

/// Whether `c`, which is in line with `a` and `b`, is between them.
fn between(a: Point, b: Point, c: Point) -> bool {
    let within = |a: i32, b: i32, c: i32| (a.min(b)..=a.max(b)).contains(&c);
    within(a.latitude, b.latitude, c.latitude) && within(a.longitude, b.longitude, c.longitude)
}

/// Whether two edges have a point in common.
fn cross(a: Point, b: Point, c: Point, d: Point) -> bool {
    let (c_side, d_side) = (turn(a, b, c).signum(), turn(a, b, d).signum());
    let (a_side, b_side) = (turn(c, d, a).signum(), turn(c, d, b).signum());
    if c_side != d_side && a_side != b_side {
        return true;
    }
    [
        (c_side, a, b, c),
        (d_side, a, b, d),
        (a_side, c, d, a),
        (b_side, c, d, b),
    ]
    .into_iter()
    .any(|(side, from, to, point)| side == 0 && between(from, to, point))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn square(latitude: f64, longitude: f64, size: f64) -> Outline {
        let corner = |up: f64, right: f64| {
            Point::from_degrees(latitude + up * size, longitude + right * size).unwrap()
        };
        let corners = vec![
            corner(0.0, 0.0),
            corner(0.0, 1.0),
            corner(1.0, 1.0),
            corner(1.0, 0.0),
        ];
        Outline::new(corners).unwrap()
    }

    fn ring(points: u32) -> Vec<Point> {
        let at = |index: u32| {
            let angle = f64::from(index) * std::f64::consts::TAU / f64::from(points);
            Point::from_degrees(52.0 + angle.sin(), 5.0 + angle.cos()).unwrap()
        };
        (0..points).map(at).collect()
    }

    #[test]
    fn an_outline_of_too_many_points_is_drawn_around_them() {
        // A star: every other point is drawn in.
        let mut points = ring(4_000);
        for point in points.iter_mut().skip(1).step_by(2) {
            point.latitude -= (point.latitude - 52_000_000) / 2;
            point.longitude -= (point.longitude - 5_000_000) / 2;
        }
        let degrees = |point: &Point| {
            let (latitude, longitude) = point.degrees();
            format!("{latitude},{longitude}")
        };
        let text: Vec<String> = points.iter().map(degrees).collect();
        assert!(Outline::parse(&text.join(" ")).is_none());
        let around = Outline::parse_around(&text.join(" ")).unwrap();
        let simpler = around.simpler().unwrap();
        assert!(around.points().len() <= OUTLINE_POINTS_MAX);
        assert!(simpler.points().len() <= HULL_POINTS_MAX);
        let outside = Point::from_degrees(52.9, 5.9).unwrap();
        for outline in [&around, &simpler] {
            assert!(points.iter().all(|point| outline.contains(*point)));
            assert!(!outline.contains(outside), "it is not the box around it");
        }
        let few = "38.47,-120.14 38.34,-119.95 38.52,-119.74 38.47,-120.14";
        assert_eq!(Outline::parse_around(few), Outline::parse(few));
        assert!(Outline::parse_around(&"1,1 2,2 ".repeat(2_000)).is_none());
    }

    #[test]
    fn polygons_are_read_as_cap_writes_them() {
        let text = "38.47,-120.14 38.34,-119.95 38.52,-119.74 38.62,-119.89 38.47,-120.14";
        let outline = Outline::parse(text).unwrap();
        assert_eq!(outline.points().len(), 4);
        assert_eq!(outline.text(), text);
        for wrong in [
            "",
            "1,2 3,4",
            "1,2 3,4 1,2",
            "1,2 3,4 1,2 3,4 1,2",
            "a,b c,d e,f",
            "91,0 0,0 1,1",
            "1 2 3 4",
            "NaN,0 1,1 2,2",
        ] {
            assert!(Outline::parse(wrong).is_none(), "{wrong:?}");
        }
        let long = "1,1 2,2 3,1 ".repeat(OUTLINE_POINTS_MAX);
        assert!(Outline::parse(&long).is_none());
    }

    #[test]
    fn what_touches_meets() {
        let one = square(50.0, 0.0, 1.0);
        for (latitude, longitude, size, meets) in [
            (50.5, 0.5, 1.0, true),
            (50.2, 0.2, 0.1, true),
            (49.0, -1.0, 5.0, true),
            (51.0, 1.0, 1.0, true),
            (50.2, 1.0, 0.1, true),
            (51.1, 0.0, 1.0, false),
            (50.0, 1.000_01, 1.0, false),
        ] {
            let other = square(latitude, longitude, size);
            assert_eq!(one.meets(&other), meets, "{latitude} {longitude} {size}");
            assert_eq!(other.meets(&one), meets);
        }
        // A cross: no corner of one lies in the other.
        let wide = Outline::parse("50.4,-1 50.4,2 50.6,2 50.6,-1").unwrap();
        assert!(one.meets(&wide));
    }

    #[test]
    fn circles_are_as_wide_as_they_say() {
        let centre = Point::from_degrees(52.0, 5.0).unwrap();
        let circle = Outline::circle(centre, 10.0).unwrap();
        let east = |km: f64| {
            let degrees = km / KM_PER_DEGREE / 52_f64.to_radians().cos();
            Point::from_degrees(52.0, 5.0 + degrees).unwrap()
        };
        assert!(circle.contains(centre) && circle.contains(east(9.5)));
        assert!(!circle.contains(east(10.5)));
        assert!(Outline::circle(centre, 0.0).unwrap().contains(centre));
        // Its sides lie outside of the true circle, in every direction.
        for degree in 0..360 {
            let angle = f64::from(degree).to_radians();
            let high = 10.0 / KM_PER_DEGREE * angle.sin();
            let wide = 10.0 / KM_PER_DEGREE * angle.cos() / (52.0 + high).to_radians().cos();
            let edge = Point::from_degrees(52.0 + high, 5.0 + wide).unwrap();
            assert!(circle.contains(edge), "{degree}");
        }
        for (latitude, longitude) in [(89.95, 0.0), (-89.95, 0.0), (0.0, 179.95), (0.0, -179.95)] {
            let edge = Point::from_degrees(latitude, longitude).unwrap();
            assert!(
                Outline::circle(edge, 10.0).is_none(),
                "{latitude} {longitude}"
            );
        }
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert!(Outline::circle(centre, wrong).is_none());
        }
    }

    #[test]
    fn points_are_counted_over_all_outlines() {
        let mut outlines = Outlines::default();
        for _ in 0..POINTS_TOTAL_MAX / 4 {
            assert!(outlines.add(square(50.0, 0.0, 1.0)));
        }
        assert!(!outlines.add(square(10.0, 0.0, 1.0)));
        assert!(outlines.meet(&square(50.5, 0.5, 1.0)));
        assert!(!outlines.meet(&square(10.0, 0.0, 1.0)));
    }

    proptest! {
        #[test]
        fn meeting_is_mutual_and_a_shared_point_is_enough(
            one in proptest::collection::vec((-900_i32..900, -900_i32..900), 3..12),
            two in proptest::collection::vec((-900_i32..900, -900_i32..900), 3..12),
        ) {
            let outline = |points: &[(i32, i32)]| {
                let point = |(latitude, longitude): &(i32, i32)| Point {
                    latitude: *latitude,
                    longitude: *longitude,
                };
                Outline::new(points.iter().map(point).collect())
            };
            let (Some(one), Some(two)) = (outline(&one), outline(&two)) else { return Ok(()) };
            prop_assert_eq!(one.meets(&two), two.meets(&one));
            prop_assert!(one.meets(&one));
            for point in one.points() {
                prop_assert!(one.contains(*point));
                if two.contains(*point) {
                    prop_assert!(one.meets(&two));
                }
            }
        }
    }
}
