//! What is drawn from the one seed: ids, secrets and the generators of everything that looks like chance. Nothing else in
//! the fleet draws randomness, so that a seed names a run.

use rand::SeedableRng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};
use sync_core::time::Ms;
use uuid::{Builder, Uuid};

/// The seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    fn digest(self, area: &str, name: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.0.to_le_bytes().as_slice(), area.as_bytes(), &[0], name.as_bytes()] {
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// A generator for one purpose; the same seed and names give the same one.
    #[must_use]
    pub fn rng(self, area: &str, name: &str) -> StdRng {
        StdRng::from_seed(self.digest(area, name))
    }

    /// A number for one purpose, evenly spread.
    #[must_use]
    pub fn number(self, area: &str, name: &str) -> u64 {
        self.digest(area, name).iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// An id with the layout of UUID version 7 (RFC 9562): in time order at `at_ms`, otherwise drawn from the seed.
    #[must_use]
    pub fn id(self, area: &str, name: &str, at_ms: Ms) -> Uuid {
        let mut bytes = [0_u8; 10];
        bytes.iter_mut().zip(self.digest(area, name)).for_each(|(to, from)| *to = from);
        Builder::from_unix_timestamp_millis(at_ms, &bytes).into_uuid()
    }

    /// A secret of 32 hex digits.
    #[must_use]
    pub fn secret(self, name: &str) -> String {
        data_encoding::HEXLOWER.encode(&self.digest("secret", name)).chars().take(32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_time_and_depends_on_seed_and_name() {
        let id = Seed(1).id("row", "625289", 1_483_286_400_000);
        assert_eq!(id, Seed(1).id("row", "625289", 1_483_286_400_000));
        assert_ne!(id, Seed(2).id("row", "625289", 1_483_286_400_000));
        assert_ne!(id, Seed(1).id("row", "625290", 1_483_286_400_000));
        assert_eq!(id.get_version_num(), 7);
        assert!(id < Seed(9).id("row", "1", 1_483_286_400_001));
    }
}
