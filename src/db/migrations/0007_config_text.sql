-- A configuration with the keys of its schemas in the order in which their author wrote them, which jsonb does not keep.
alter table zerodb_function_versions add column config_text text;
comment on column zerodb_function_versions.config_text is 'config as it was written; null where an earlier release wrote it';
