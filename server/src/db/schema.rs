//! The tables as diesel sees them. The truth is in `migrations/`; the storage suite asks for every column of each.
//! Ids are `Binary` of 16 bytes, times `BigInt` of ms since 1970.

diesel::table! {
    meta (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    townships (id) {
        id -> Binary,
        name -> Text,
        created_at_ms -> BigInt,
    }
}

diesel::table! {
    accounts (id) {
        id -> Binary,
        township_id -> Binary,
        username -> Text,
        display_name -> Text,
        role -> Text,
        password_hash -> Nullable<Text>,
        disabled_at_ms -> Nullable<BigInt>,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
    }
}

diesel::table! {
    account_villages (account_id, village_id) {
        account_id -> Binary,
        village_id -> Binary,
    }
}

diesel::table! {
    devices (id) {
        id -> Binary,
        township_id -> Binary,
        account_id -> Binary,
        name -> Text,
        created_at_ms -> BigInt,
        seen_at_ms -> BigInt,
        revoked_at_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Binary,
        township_id -> Binary,
        account_id -> Binary,
        device_id -> Binary,
        generation -> BigInt,
        created_at_ms -> BigInt,
        revoked_at_ms -> Nullable<BigInt>,
        revoked_why -> Nullable<Text>,
    }
}

diesel::table! {
    refresh_tokens (hash) {
        hash -> Binary,
        session_id -> Binary,
        generation -> BigInt,
        issued_at_ms -> BigInt,
        expires_at_ms -> BigInt,
        rotated_at_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    enrolments (code_hash) {
        code_hash -> Binary,
        township_id -> Binary,
        account_id -> Binary,
        created_by -> Binary,
        created_at_ms -> BigInt,
        expires_at_ms -> BigInt,
        used_at_ms -> Nullable<BigInt>,
        device_id -> Nullable<Binary>,
    }
}

diesel::table! {
    feeds (township_id) {
        township_id -> Binary,
        seq -> BigInt,
    }
}

diesel::table! {
    digests (township_id, scope) {
        township_id -> Binary,
        scope -> Binary,
        records -> BigInt,
        sum -> BigInt,
    }
}

diesel::table! {
    records (row) {
        row -> BigInt,
        township_id -> Binary,
        id -> Binary,
        kind -> Text,
        village_id -> Nullable<Binary>,
        scope -> Binary,
        feed_seq -> BigInt,
        updated_at_ms -> BigInt,
        state -> Text,
    }
}

diesel::table! {
    replicas (id) {
        id -> Binary,
        township_id -> Binary,
        account_id -> Binary,
        device_id -> Binary,
        highest -> BigInt,
        seen_at_ms -> BigInt,
    }
}

diesel::table! {
    versions (row) {
        row -> BigInt,
        replica_id -> Binary,
        seq -> BigInt,
        township_id -> Binary,
        record_id -> Nullable<Binary>,
        fingerprint -> Binary,
        received_at_ms -> BigInt,
        clock_offset_ms -> BigInt,
        outcome -> Nullable<Text>,
        body -> Text,
    }
}

diesel::table! {
    quarantine (replica_id, seq) {
        replica_id -> Binary,
        seq -> BigInt,
        township_id -> Binary,
        account_id -> Binary,
        received_at_ms -> BigInt,
        code -> Text,
        field -> Nullable<Text>,
        detail -> Text,
        settled_at_ms -> Nullable<BigInt>,
        settled_by -> Nullable<Binary>,
        settlement -> Nullable<Text>,
    }
}

diesel::table! {
    mentions (township_id, hazard_id, record_id) {
        township_id -> Binary,
        hazard_id -> Binary,
        record_id -> Binary,
    }
}

diesel::table! {
    hazards (row) {
        row -> BigInt,
        township_id -> Binary,
        id -> Binary,
        village_id -> Nullable<Binary>,
        site_id -> Nullable<Binary>,
        sector -> Text,
        is_major -> Bool,
        status -> Text,
        is_suspended -> Bool,
        is_escalated -> Bool,
        is_void -> Bool,
        deadline -> Nullable<Text>,
        found_at_ms -> BigInt,
        closed_at_ms -> Nullable<BigInt>,
        description -> Text,
    }
}

diesel::table! {
    conflicts (township_id, record_id, path) {
        township_id -> Binary,
        record_id -> Binary,
        path -> Text,
        kind -> Text,
        village_id -> Nullable<Binary>,
    }
}

diesel::table! {
    photo_records (township_id, hash, record_id) {
        township_id -> Binary,
        hash -> Binary,
        record_id -> Binary,
        subject_id -> Binary,
        village_id -> Nullable<Binary>,
    }
}

diesel::table! {
    blobs (township_id, hash) {
        township_id -> Binary,
        hash -> Binary,
        account_id -> Binary,
        bytes -> BigInt,
        content_type -> Text,
        width -> Nullable<BigInt>,
        height -> Nullable<BigInt>,
        facts -> Text,
        stored_at_ms -> BigInt,
    }
}

diesel::table! {
    uploads (device_id, hash) {
        device_id -> Binary,
        hash -> Binary,
        township_id -> Binary,
        length -> BigInt,
        received -> BigInt,
        created_at_ms -> BigInt,
        expires_at_ms -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    townships,
    accounts,
    account_villages,
    devices,
    sessions,
    refresh_tokens,
    enrolments,
    blobs,
    uploads,
);
