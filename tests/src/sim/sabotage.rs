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
