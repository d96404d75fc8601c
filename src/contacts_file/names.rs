//! A whole name in two parts.

/// Words that belong to the last name behind them.
const PARTICLES: &[&str] = &[
    "de", "du", "des", "d'", "la", "le", "les", "van", "von", "der", "den", "ter", "ten", "da",
    "di", "dos", "das", "del", "della", "bin", "ibn", "al", "el", "ap", "mac", "st", "st.",
    "saint", "zu", "zur",
];

/// First and last name. `Last, First` says so itself; a word all in capitals among others that
/// are not is the last name, as French lists write it; else the last word, with its particles.
#[must_use]
pub fn split(name: &str) -> (String, String) {
    if let Some((last, first)) = name.split_once(',') {
        return (first.trim().to_owned(), last.trim().to_owned());
    }
    let words: Vec<&str> = name.split_whitespace().collect();
    let Some((last, before)) = words.split_last() else {
        return (String::new(), String::new());
    };
    if before.is_empty() {
        return (String::new(), (*last).to_owned());
    }
    let capitals = |word: &&str| is_capitals(word);
    if words.iter().any(capitals) && !words.iter().all(|word| is_capitals(word)) {
        let pick = |wanted: bool| {
            let picked = words.iter().filter(|word| is_capitals(word) == wanted);
            picked.copied().collect::<Vec<_>>().join(" ")
        };
        return (pick(false), pick(true));
    }
    let is_particle = |word: &&&str| PARTICLES.contains(&word.to_lowercase().as_str());
    let particles = before.iter().skip(1).rev().take_while(is_particle).count();
    let at = before.len() - particles;
    (words[..at].join(" "), words[at..].join(" "))
}

/// At least two letters, all of them capitals.
fn is_capitals(word: &str) -> bool {
    let letters = word.chars().filter(|char| char.is_alphabetic());
    letters.clone().count() > 1 && letters.clone().all(char::is_uppercase)
}
