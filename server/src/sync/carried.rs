//! Taking in a batch that was carried by hand: opened with the key of the device that sealed it, judged as its author's, and
//! answered with receipts that go back the same way. Photos that came with it are uploaded like any others.

use sync_core::carried::{Carried, Receipt, Receipts, SealKey, Unsealed, open, peek, seal};
use sync_core::ids::TownshipId;
use sync_core::protocol::Push;
use sync_core::time::Ms;

use super::pull::epoch;
use super::push::{self, Sender};
use crate::db::{Database, Scope, Transaction};
use crate::error::{Code, Problem};
use crate::photos::hash::{ContentHash, read_all};
use crate::photos::receipts;
use crate::photos::store::PhotoStore;

/// A file whose seal was found right.
#[derive(Debug)]
pub struct Opened {
    carried: Carried,
    key: SealKey,
}

/// Opens a file with the key that the device's was derived from.
///
/// # Errors
/// `file_unreadable`, `file_forged`.
pub fn unseal(text: &str, secret: &[u8]) -> Result<Opened, Problem> {
    let key = SealKey::of_device(secret, peek::<Carried>(text).map_err(refused)?.device);
    let carried = open(&key, text).map_err(refused)?;
    Ok(Opened { carried, key })
}

fn refused(why: Unsealed) -> Problem {
    let code = match why {
        Unsealed::NotThis => Code::FileUnreadable,
        Unsealed::Forged => Code::FileForged,
    };
    Problem::new(code, format!("Copy the file from the phone once more: {why}"))
}

impl Opened {
    /// Takes its batches, each in a transaction of its own, and gives the text of the receipts.
    ///
    /// # Errors
    /// `file_forged` for an account or device that is not of this township; those of a push; the database's own. What was
    /// taken before stays, and is told again when the file comes again.
    pub async fn take(
        self,
        database: &Database,
        store: &PhotoStore,
        township: TownshipId,
        now_ms: Ms,
    ) -> Result<String, Problem> {
        let Self { carried: Carried { account, device, pushes, photos, .. }, key } = self;
        let hashes = read_all(&photos)?;
        let sender = database.read(move |tx| author(tx, township, account, device, now_ms)).await?;
        let mut answers = Vec::with_capacity(pushes.len());
        for push in pushes {
            answers.push(take(database, push, sender.clone()).await?);
        }
        let told = receipts::receipts(database, store, township, hashes).await?;
        let text = |hashes: Vec<ContentHash>| hashes.iter().map(ToString::to_string).collect();
        let (photos_received, photos_wanted) = (text(told.received), text(told.wanted));
        let epoch = database.read(|tx| Ok::<_, Problem>(epoch(tx)?)).await?.to_string();
        Ok(seal(&key, &Receipts { account, device, now_ms, epoch, pushes: answers, photos_received, photos_wanted }))
    }
}

async fn take(database: &Database, push: Push, sender: Sender) -> Result<Receipt, Problem> {
    let (replica, marks) = (push.replica, Carried::marks(&push));
    let batch = push::read(push)?;
    let answer = database.write(Scope::Township(sender.township), move |tx| batch.take(tx, &sender)).await?;
    push::count(&answer);
    Ok(Receipt { replica, marks, answer })
}

/// Whose file it is. A disabled account's and a revoked device's are taken too: what was captured before is not lost, and
/// somebody in the office has the file in hand.
fn author(
    tx: &mut dyn Transaction,
    township: TownshipId,
    account: sync_core::ids::AccountId,
    device: sync_core::ids::DeviceId,
    received_at_ms: Ms,
) -> Result<Sender, Problem> {
    let account = tx.account(account)?.filter(|account| account.township == township);
    let device = tx.device(device)?;
    match (account, device) {
        (Some(account), Some(device)) if device.account == account.id => {
            // How long the file was on its way is not known, and so neither how far the phone's clock is off.
            Ok(Sender { caller: account.caller(), township, device: device.id, received_at_ms, clock_offset_ms: 0 })
        }
        _ => Err(Problem::new(Code::FileForged, "The account or the device is not one of this township's")),
    }
}
