//! Edit histories that no library is named in: who edits what, and when they sync. Drawn from a fixed seed, so that
//! every run measures the same.

/// The fields of the record, like those of a hazard; the flag says whether the field holds a number.
pub const FIELDS: [(&str, bool); 15] = [
    ("site", false),
    ("sector", false),
    ("category", false),
    ("level", false),
    ("description", false),
    ("place", false),
    ("found_at_ms", true),
    ("found_by", false),
    ("suggested_measures", false),
    ("responsible_party", false),
    ("measures", false),
    ("funds_cny", true),
    ("deadline", false),
    ("contingency_plan", false),
    ("remark", false),
];

/// What inspectors write, in pieces.
const PHRASES: [&str; 12] = [
    "消防通道被杂物堵塞",
    "灭火器压力不足",
    "应急照明灯损坏",
    "电线私拉乱接",
    "安全出口标志缺失",
    "液化气瓶未固定",
    "仓库与住宿未分隔",
    "警示标志褪色",
    "限三日内整改",
    "已现场告知负责人",
    "需更换并登记",
    "护栏松动",
];

/// The value of a field. No two edits write the same one, so that what survives tells which edits survived.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Words.
    Text(String),
    /// A whole number.
    Whole(i64),
}

/// The id of a replica, counted from 1: as good as random, as real ones are, and the same in every run.
#[must_use]
pub fn replica_id(replica: usize) -> u128 {
    let mut draw = Draw(replica as u64);
    (u128::from(draw.next()) << 64) | u128::from(draw.next())
}

/// One edit of the record by one replica: some fields, written together.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Who edits.
    pub replica: usize,
    /// When, in milliseconds.
    pub at_ms: u64,
    /// What the fields become.
    pub changes: Vec<(&'static str, Scalar)>,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// A replica edits what it has.
    Edit(Edit),
    /// A replica sends what it wrote, and takes what the others sent.
    Sync {
        /// Who syncs.
        replica: usize,
    },
}

/// A named history of one record.
#[derive(Clone, Debug)]
pub struct History {
    /// What the figures call it.
    pub name: &'static str,
    /// How many replicas take part.
    pub replicas: usize,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// The histories that are measured: one phone filling a form, a village's three, ten who edit one record all year.
#[must_use]
pub fn all() -> Vec<History> {
    vec![history("1x15", 1, 15), history("3x30", 3, 30), history("10x200", 10, 200)]
}

/// A history in which each of `replicas` makes `edits` edits, and syncs after every second edit or so.
#[must_use]
pub fn history(name: &'static str, replicas: usize, edits: usize) -> History {
    let mut draw = Draw(0x5eed);
    let mut written = 0;
    let mut steps = vec![edit(0, &mut written, &FIELDS, &mut draw), Step::Sync { replica: 0 }];
    steps.extend((1..replicas).map(|replica| Step::Sync { replica }));

    let mut left = vec![edits; replicas];
    left[0] -= 1;
    while left.iter().any(|edits| *edits > 0) {
        let replica = draw.below(replicas);
        if left[replica] == 0 {
            continue;
        }
        left[replica] -= 1;
        let fields: Vec<_> = (0..=draw.below(2)).map(|_| FIELDS[draw.below(FIELDS.len())]).collect();
        steps.push(edit(replica, &mut written, &fields, &mut draw));
        if draw.below(2) == 0 {
            steps.push(Step::Sync { replica });
        }
    }
    steps.extend((0..replicas).map(|replica| Step::Sync { replica }));
    History { name, replicas, steps }
}

/// A history in which `replicas` come one after another, five at a time: the five take what there is, edit it without
/// seeing each other, and send it. Nobody comes back.
#[must_use]
pub fn passing(name: &'static str, replicas: usize) -> History {
    let mut draw = Draw(0x5eed);
    let mut written = 0;
    let mut steps = vec![edit(0, &mut written, &FIELDS, &mut draw), Step::Sync { replica: 0 }];
    let all: Vec<usize> = (0..replicas).collect();
    for group in all.chunks(5) {
        steps.extend(group.iter().map(|replica| Step::Sync { replica: *replica }));
        for replica in group {
            let fields = [FIELDS[draw.below(FIELDS.len())], FIELDS[draw.below(FIELDS.len())]];
            steps.push(edit(*replica, &mut written, &fields, &mut draw));
        }
        steps.extend(group.iter().map(|replica| Step::Sync { replica: *replica }));
    }
    // One that knows everything ends it.
    steps.extend([edit(0, &mut written, &[FIELDS[3]], &mut draw), Step::Sync { replica: 0 }]);
    History { name, replicas, steps }
}

fn edit(replica: usize, written: &mut u32, fields: &[(&'static str, bool)], draw: &mut Draw) -> Step {
    *written += 1;
    let mut changes: Vec<(&'static str, Scalar)> = Vec::new();
    for (field, is_number) in fields {
        if changes.iter().all(|(known, _)| known != field) {
            let value = if *is_number {
                Scalar::Whole(i64::from(*written))
            } else {
                let words = [PHRASES[draw.below(12)], PHRASES[draw.below(12)]];
                Scalar::Text(format!("{}，{}（{written}）", words[0], words[1]))
            };
            changes.push((field, value));
        }
    }
    Step::Edit(Edit { replica, at_ms: 1_700_000_000_000 + u64::from(*written) * 60_000, changes })
}

/// SplitMix64 (Steele, Lea, Flood 2014): numbers that look random and are the same in every run.
pub struct Draw(pub u64);

impl Draw {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
