//! The tables as diesel sees them. The truth is in `migrations/`; a test of `connection.rs` selects every column.
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

diesel::allow_tables_to_appear_in_same_query!(
    townships,
    accounts,
    account_villages,
    devices,
    sessions,
    refresh_tokens,
    enrolments,
);
