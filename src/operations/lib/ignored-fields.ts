/**
 * Fields without effect that existing clients send, by operation. They are accepted and reported in `warnings`. Other
 * unknown fields are rejected.
 */
export const IGNORED_FIELDS: Readonly<Record<string, readonly string[]>> = {
  'embeddings.create': ['user', 'normalize'],
  'embeddings.embed_and_store': ['normalize', 'encoding_format'],
  'embeddings.generate': ['encoding_format'],
  'embeddings.search': ['normalize'],
  'events.count': ['limit', 'offset', 'skip'],
  'events.publish': ['timestamp'],
  'events.publish_batch': ['timestamp'],
  'files.upload': ['embedding', 'tags'],
  'hooks.create': ['hook_id', 'metadata'],
  'instant_db.create': ['agree_terms', 'on_behalf_of', 'source'],
  'memory.list': ['semantic', 'search', 'priority', 'tags', 'user_id'],
  'memory.recall': ['layer', 'as_of', 'rerank', 'use_graph', 'expand_context', 'query_expansion'],
  'memory.remember': ['title', 'type', 'priority'],
  'memory.store': ['title', 'type', 'priority', 'tags', 'user_id'],
  'projects.create': ['type', 'config', 'organization_id', 'status', 'reason'],
  'projects.activate': ['reason'],
  'projects.configure_database': ['vector_dimensions', 'quantum_enabled', 'mcp_enabled', 'database_config'],
  'projects.enable_database': ['vector_dimensions', 'quantum_enabled', 'mcp_enabled', 'database_config'],
  'projects.list': ['organization_id'],
  'projects.suspend': ['reason'],
  'projects.update': ['type', 'config', 'organization_id', 'status', 'reason'],
  'rows.delete_many': ['return_ids', 'operation'],
  'rows.insert': ['return_ids', 'operation'],
  'rows.query': ['return_ids', 'projection', 'operation'],
  'rows.update_many': ['return_ids', 'operation'],
  'vectors.list': ['detailed', 'include_metadata', 'include_values'],
  'vectors.search': ['include_metadata', 'include_values'],
  'vectors.get': ['include_metadata', 'include_values'],
}
