//! The tables as diesel sees them. The truth is in `migrations/`; the storage suite asks for every column of each.
//! Ids are of the type that each database has for them, times `BigInt` of ms since 1970.

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    meta (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    townships (id) {
        id -> Id,
        name -> Text,
        created_at_ms -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    accounts (id) {
        id -> Id,
        township_id -> Id,
        username -> Text,
        display_name -> Text,
        role -> Text,
        password_hash -> Nullable<Text>,
        disabled_at_ms -> Nullable<BigInt>,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
        is_county -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    county_townships (township_id) {
        township_id -> Id,
        county_id -> Id,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    account_villages (account_id, village_id) {
        account_id -> Id,
        village_id -> Id,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    devices (id) {
        id -> Id,
        township_id -> Id,
        account_id -> Id,
        name -> Text,
        created_at_ms -> BigInt,
        seen_at_ms -> BigInt,
        revoked_at_ms -> Nullable<BigInt>,
        unsent -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    sessions (id) {
        id -> Id,
        township_id -> Id,
        account_id -> Id,
        device_id -> Id,
        generation -> BigInt,
        created_at_ms -> BigInt,
        revoked_at_ms -> Nullable<BigInt>,
        revoked_why -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    refresh_tokens (hash) {
        hash -> Binary,
        session_id -> Id,
        generation -> BigInt,
        issued_at_ms -> BigInt,
        expires_at_ms -> BigInt,
        rotated_at_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    enrolments (code_hash) {
        code_hash -> Binary,
        township_id -> Id,
        account_id -> Id,
        created_by -> Id,
        created_at_ms -> BigInt,
        expires_at_ms -> BigInt,
        used_at_ms -> Nullable<BigInt>,
        device_id -> Nullable<Id>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    feeds (township_id) {
        township_id -> Id,
        seq -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    digests (township_id, scope) {
        township_id -> Id,
        scope -> Binary,
        records -> BigInt,
        sum -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    records (row) {
        row -> BigInt,
        township_id -> Id,
        id -> Id,
        kind -> Text,
        village_id -> Nullable<Id>,
        scope -> Binary,
        feed_seq -> BigInt,
        updated_at_ms -> BigInt,
        state -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    replicas (id) {
        id -> Id,
        township_id -> Id,
        account_id -> Id,
        device_id -> Id,
        highest -> BigInt,
        seen_at_ms -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    versions (row) {
        row -> BigInt,
        replica_id -> Id,
        seq -> BigInt,
        township_id -> Id,
        record_id -> Nullable<Id>,
        fingerprint -> Binary,
        received_at_ms -> BigInt,
        clock_offset_ms -> BigInt,
        outcome -> Nullable<Text>,
        body -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    quarantine (replica_id, seq) {
        replica_id -> Id,
        seq -> BigInt,
        township_id -> Id,
        account_id -> Id,
        received_at_ms -> BigInt,
        code -> Text,
        field -> Nullable<Text>,
        detail -> Text,
        settled_at_ms -> Nullable<BigInt>,
        settled_by -> Nullable<Id>,
        settlement -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    mentions (township_id, hazard_id, record_id) {
        township_id -> Id,
        hazard_id -> Id,
        record_id -> Id,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    hazards (row) {
        row -> BigInt,
        township_id -> Id,
        id -> Id,
        village_id -> Nullable<Id>,
        site_id -> Nullable<Id>,
        sector -> Text,
        is_major -> Bool,
        status -> Text,
        is_suspended -> Bool,
        is_escalated -> Bool,
        is_void -> Bool,
        deadline -> Nullable<Text>,
        missing -> Integer,
        found_at_ms -> BigInt,
        closed_at_ms -> Nullable<BigInt>,
        description -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    visits (township_id, inspection_id) {
        township_id -> Id,
        inspection_id -> Id,
        site_id -> Id,
        campaign_id -> Nullable<Id>,
        village_id -> Nullable<Id>,
        at_ms -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    conflicts (township_id, record_id, path) {
        township_id -> Id,
        record_id -> Id,
        path -> Text,
        kind -> Text,
        village_id -> Nullable<Id>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    photo_records (township_id, hash, record_id) {
        township_id -> Id,
        hash -> Binary,
        record_id -> Id,
        subject_id -> Id,
        village_id -> Nullable<Id>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    blobs (township_id, hash) {
        township_id -> Id,
        hash -> Binary,
        account_id -> Id,
        bytes -> BigInt,
        content_type -> Text,
        width -> Nullable<BigInt>,
        height -> Nullable<BigInt>,
        facts -> Text,
        stored_at_ms -> BigInt,
    }
}

diesel::table! {
    condemned_photos (hash) {
        hash -> Binary,
        condemned_at_ms -> BigInt,
        removed_until_ms -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    uploads (device_id, hash) {
        device_id -> Id,
        hash -> Binary,
        township_id -> Id,
        length -> BigInt,
        received -> BigInt,
        created_at_ms -> BigInt,
        expires_at_ms -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    townships,
    county_townships,
    accounts,
    account_villages,
    devices,
    sessions,
    refresh_tokens,
    enrolments,
    blobs,
    uploads,
);

diesel::allow_tables_to_appear_in_same_query!(blobs, photo_records);

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    order_numbers (township_id, year) {
        township_id -> Id,
        year -> BigInt,
        last -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    comments (township_id, record_id) {
        township_id -> Id,
        record_id -> Id,
        subject_id -> Id,
        village_id -> Nullable<Id>,
        state -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    audit (row) {
        row -> BigInt,
        township_id -> Id,
        at_ms -> BigInt,
        act -> Text,
        account_id -> Nullable<Id>,
        device_id -> Nullable<Id>,
        subject_id -> Nullable<Id>,
        detail -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    views (account_id, position) {
        account_id -> Id,
        position -> BigInt,
        township_id -> Id,
        name -> Text,
        query -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::Id;

    told_apart (township_id, one_id, other_id) {
        township_id -> Id,
        one_id -> Id,
        other_id -> Id,
        account_id -> Id,
        at_ms -> BigInt,
    }
}
