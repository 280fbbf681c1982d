//! Ways in which the engine is broken on purpose, in the simulator's wrappers around it, to prove that the oracle notices.

/// One way to break it.
#[allow(missing_docs, reason = "the variants are named after what they break")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sabotage {
    // The server.
    AcksBeforeDurability,
    CursorBeforeCommit,
    CursorSkipsOne,
    RepeatIsPublishedAgain,
    RepeatGetsAnotherVerdict,
    ForkIsCalledDuplicate,
    BadVersionBlocksTheQueue,
    QuarantineLosesBytes,
    StampsAreNotCapped,
    LateStampsAreDropped,
    EpochStaysAfterRestore,
    ForgetIsNotSaid,
    ScopeOfYesterday,
    RulingWithoutLooking,
    MendingClaimsEverything,
    PhotoReceiptBeforeItsBytes,
    PhotoHashIsNotChecked,
    ProjectionsAreNotKept,
    AcceptanceOutlivesCorrections,
    SettlementOutlivesAnswers,
    VisitsAreNotTakenBack,
    SettledMembersStaySo,
    VoidHazardsStaySo,
    ChangedStateIsCalledPushedAndNoDigest,
    PushedNumberIsWrongAndNoDigest,
    // The server says something wrong of what a push created, which the digest mends.
    ChangedStateIsCalledPushed,
    PushedNumberIsWrong,
    // The phone.
    SavedBeforeStored,
    ReceiptsAreInvented,
    ContextIsForgotten,
    ContextClaimsMore,
    CursorIsStoredFirst,
    ForgetIsNotDone,
    BaseIsReplaced,
    RenumberingDropsWhatWaits,
    ForkIsIgnored,
    FreesTooEarly,
    ReceiptsAreNotTakenBack,
    RestartsCountingAfterCrash,
    // The network.
    ARecordIsLostOnTheWay,
}

impl Sabotage {
    /// Whether it is no breach but a fault: phones are mended by the digest, and nothing is lost.
    pub(crate) fn is_mended(self) -> bool {
        matches!(self, Self::ChangedStateIsCalledPushed | Self::PushedNumberIsWrong)
    }
}
