//! What a search looks in: every two letters of a description that stand side by side. Chinese is written without spaces and
//! most of its words have two characters, so pairs tell rows apart where single characters do not, and need no dictionary.

use std::collections::BTreeSet;

/// Pairs of letters, and words of one letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grams {
    /// Letters that stand side by side, in lower case.
    pub(crate) pairs: BTreeSet<String>,
    /// In a text: the last letters of its words. In what is asked for: its words of one letter.
    pub(crate) single: BTreeSet<String>,
}

impl Grams {
    /// Those of a description, of which every letter begins one.
    pub(crate) fn of(description: &str) -> Self {
        let mut grams = Self::default();
        for run in runs(description) {
            grams.pairs.extend(pairs(&run));
            grams.single.extend(run.last().map(char::to_string));
        }
        grams
    }

    /// Those of a description in one line, in order and separated by spaces, as an index takes them.
    pub(crate) fn line_of(description: &str) -> String {
        let text = description.to_ascii_lowercase();
        let (mut grams, mut single) = (Vec::new(), Vec::new());
        for run in words(&text) {
            grams.extend(pairs_of(run));
            single.extend(run.char_indices().last().and_then(|(at, _)| run.get(at..)));
        }
        sort(&mut grams);
        sort(&mut single);
        grams.extend(single);
        grams.join(" ")
    }

    /// The pairs alone in one line, in order and separated by spaces.
    pub(crate) fn pairs_line_of(description: &str) -> String {
        let text = description.to_ascii_lowercase();
        let mut grams: Vec<&str> = words(&text).flat_map(pairs_of).collect();
        sort(&mut grams);
        grams.join(" ")
    }

    /// Those that a description has if it contains the words that are asked for; `None` if they have no letters.
    pub(crate) fn asked(text: &str) -> Option<Self> {
        let mut grams = Self::default();
        for run in runs(text) {
            match run.as_slice() {
                [letter] => grams.single.extend([letter.to_string()]),
                run => grams.pairs.extend(pairs(run)),
            }
        }
        (grams != Self::default()).then_some(grams)
    }
}

/// Letters and digits without anything between them. What is no letter is compared in the description itself.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|run| !run.is_empty())
}

/// The letters of each of them, in lower case.
fn runs(text: &str) -> impl Iterator<Item = Vec<char>> {
    words(text).map(|run| run.chars().map(|letter| letter.to_ascii_lowercase()).collect())
}

/// The pairs of a run of letters, in its order.
fn pairs_of(run: &str) -> Vec<&str> {
    let starts: Vec<usize> = run.char_indices().map(|(at, _)| at).chain([run.len()]).collect();
    starts.windows(3).filter_map(|at| run.get(*at.first()?..*at.last()?)).collect()
}

/// Brings grams into their order, each once.
fn sort(grams: &mut Vec<&str>) {
    grams.sort_unstable();
    grams.dedup();
}

fn pairs(run: &[char]) -> impl Iterator<Item = String> {
    run.windows(2).map(|pair| pair.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_a_description_begins_a_gram() {
        let grams = Grams::of("灭火器过期，ABC 第3处");
        let pairs: Vec<&str> = grams.pairs.iter().map(String::as_str).collect();
        assert_eq!(pairs, ["3处", "ab", "bc", "器过", "火器", "灭火", "第3", "过期"]);
        assert_eq!(grams.single, ["c", "处", "期"].map(str::to_owned).into());
    }

    #[test]
    fn the_line_of_a_description_holds_its_grams() {
        for text in
            ["灭火器过期，ABC 第3处", "", "，。", "火", "ÀÉ灭灭灭火 a-b", "烟花爆竹店：超量存放12箱，Exit locked"]
        {
            let grams = Grams::of(text);
            let held: Vec<&str> = grams.pairs.iter().chain(&grams.single).map(String::as_str).collect();
            assert_eq!(Grams::line_of(text), held.join(" "), "{text}");
            let pairs: Vec<&str> = grams.pairs.iter().map(String::as_str).collect();
            assert_eq!(Grams::pairs_line_of(text), pairs.join(" "), "{text}");
        }
    }

    #[test]
    fn what_is_asked_for_is_in_every_text_that_contains_it() {
        let text = "烟花爆竹店：超量存放12箱，Exit locked";
        let whole = Grams::of(text);
        for asked in ["烟花", "爆竹店", "12箱", "exit", "花 存放", "LOCKED 超量", "店：超"] {
            let asked = Grams::asked(asked).unwrap();
            assert!(asked.pairs.is_subset(&whole.pairs), "{asked:?}");
        }
        assert_eq!(Grams::asked("  ，。"), None);
        assert_eq!(Grams::asked("火").unwrap().single, ["火".to_owned()].into());
    }
}
