//! Makes a failing story short: leaves out runs of steps, then single ones, then faults, as long as the same invariant
//! breaks (delta debugging, Zeller and Hildebrandt 2002).

use super::oracle::Violation;
use super::run::{Options, story_once};
use super::story::{Act, Disk, Link, Story};

/// Runs that shrinking may take.
const RUNS_MAX: usize = 1_500;

struct Shrinker {
    invariant: &'static str,
    options: Options,
    runs: usize,
    best: (Story, Violation),
}

/// The shortest story found that breaks the invariant, and how it does.
pub(crate) fn shrink(story: &Story, invariant: &'static str, options: Options) -> (Story, Violation) {
    // Panics are caught and counted; their words are wanted once, not in every try.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let first = story_once(story, options).0.err();
    let violation = first.unwrap_or_else(|| Violation::new("replays_exactly", "the same story passed when run again"));
    let mut shrinker = Shrinker { invariant, options, runs: 0, best: (story.clone(), violation) };
    shrinker.leave_out();
    shrinker.calm();
    shrinker.leave_out();
    std::panic::set_hook(hook);
    shrinker.best
}

impl Shrinker {
    /// Takes a candidate if it breaks the same invariant.
    fn take(&mut self, candidate: Story) -> bool {
        if self.runs >= RUNS_MAX {
            return false;
        }
        self.runs += 1;
        match story_once(&candidate, self.options).0 {
            Err(violation) if violation.invariant == self.invariant => {
                self.best = (candidate, violation);
                true
            }
            _ => false,
        }
    }

    fn leave_out(&mut self) {
        let mut width = self.best.0.steps.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < self.best.0.steps.len() {
                let mut candidate = self.best.0.clone();
                let end = (at + width).min(candidate.steps.len());
                // Later steps keep their moment.
                let gone: u64 = candidate.steps.drain(at..end).map(|step| step.after_ms).sum();
                if let Some(next) = candidate.steps.get_mut(at) {
                    next.after_ms += gone;
                }
                if !self.take(candidate) {
                    at += width;
                }
            }
            if width == 1 {
                return;
            }
            width = width.div_ceil(2);
        }
    }

    /// Takes the faults out of the steps that are left, one after another.
    fn calm(&mut self) {
        for at in 0..self.best.0.steps.len() {
            let mut candidate = self.best.0.clone();
            let step = &mut candidate.steps[at];
            match &mut step.act {
                Act::Sync { link, .. } if *link != Link::default() => {
                    *link = Link::default();
                    if !self.take(candidate) {
                        self.calm_parts(at);
                    }
                }
                Act::Create { disk, flaw, .. } | Act::Edit { disk, flaw, .. } => {
                    (*disk, *flaw) = (Disk::Works, None);
                    self.take(candidate);
                }
                _ => {}
            }
        }
        for phone in 0..self.best.0.phones.len() {
            let mut candidate = self.best.0.clone();
            candidate.phones[phone].clock_ms = 0;
            self.take(candidate);
        }
    }

    fn calm_parts(&mut self, at: usize) {
        let plain = Link::default();
        let parts: [fn(&mut Link, Link); 4] = [
            |link, plain| link.request = plain.request,
            |link, plain| link.answer = plain.answer,
            |link, plain| link.server = plain.server,
            |link, plain| link.disk = plain.disk,
        ];
        for part in parts {
            let mut candidate = self.best.0.clone();
            if let Act::Sync { link, .. } = &mut candidate.steps[at].act {
                part(link, plain);
            }
            self.take(candidate);
        }
    }
}
