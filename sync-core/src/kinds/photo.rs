//! 照片: what is known of a photo; its bytes travel apart, under `hash`.

use crate::limits::PHOTO_BYTES_MAX;
use crate::schema::{Field, FieldType, Kind, Rule, Scope};

#[expect(clippy::as_conversions, reason = "a constant far below 2^63; TryFrom is not const")]
const BYTES_MAX: i64 = PHOTO_BYTES_MAX as i64;

/// The declaration.
pub(super) static PHOTO: Kind = Kind {
    name: "photo",
    label: "照片",
    scope: Scope::Village,
    fields: &[
        Field::new("subject_kind", "所属类型", FieldType::KindName, Rule::Review).required(),
        Field::new("subject", "所属记录", FieldType::AnyReference, Rule::Review).required(),
        Field::new("hash", "内容散列", FieldType::Hash, Rule::Review).required(),
        Field::new("bytes", "字节数", FieldType::Integer(1, BYTES_MAX), Rule::Review).required(),
        Field::new("width", "宽", FieldType::Integer(1, 100_000), Rule::Latest),
        Field::new("height", "高", FieldType::Integer(1, 100_000), Rule::Latest),
        Field::new("taken_at", "拍摄时间", FieldType::Time, Rule::Review),
        Field::new("location", "位置", FieldType::Location, Rule::Review),
        Field::new("caption", "说明", FieldType::Text(500), Rule::Review),
        Field::new(
            "role",
            "用途",
            FieldType::Choice(&["before", "after", "evidence", "signature", "document_scan"]),
            Rule::Review,
        )
        .required(),
    ],
    one_of: &[],
};
