-- The full-text index. A document is what a mark says. The low 40 bits of its id hold the id of the mark, and the bits
-- above them the number of its kind's index. SQLite's index refers to the view `search_text` for its content, so no text
-- is stored twice. The index exists once a kind has been searched.

-- name: has_index -> int
-- Whether a kind has ever been searched, so there is an index.
SELECT count(*) AS count FROM sqlite_master WHERE name = 'search_index';

-- name: has_index (postgresql)
SELECT count(to_regclass('search_index')) AS count;

-- name: tune_index
-- Let the index have more parts before it merges them: each merge costs deposits, and few parts make searches faster.
INSERT INTO search_index (search_index, rank) VALUES ('automerge', 16), ('crisismerge', 32);

-- name: tune_index (postgresql)
SELECT 1;

-- name: create_beside
-- Create what the index needs: the text of each document. FTS5 reads this view to check the index, and allows no
-- table-valued function in it. PostgreSQL needs an index by words.
CREATE VIEW IF NOT EXISTS search_text AS
SELECT doc.id, (
    SELECT group_concat(field.value, char(10))
    FROM (
      SELECT json_extract(event.payload, search_field.path) AS value
      FROM search_field
      WHERE search_field.number = doc.id >> 40 AND json_type(event.payload, search_field.path) = 'text'
      ORDER BY search_field.position
    ) AS field
  ) AS text
FROM search_doc AS doc
JOIN event ON event.id = doc.event_id;

-- name: create_beside (postgresql)
CREATE INDEX IF NOT EXISTS ix_search_index_words ON search_index USING gin (words);

-- name: create_index
-- Create the index.
CREATE VIRTUAL TABLE IF NOT EXISTS search_index USING fts5(
  text, content = 'search_text', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);

-- name: create_index (postgresql)
CREATE TABLE IF NOT EXISTS search_index (id BIGINT PRIMARY KEY, words tsvector NOT NULL);

-- name: kinds -> SearchKindRow
-- The index of each kind, and those that are being removed.
SELECT {search_kind.*} FROM search_kind ORDER BY search_kind.number;

-- name: unfinished -> SearchKindRow
-- The index that is being filled, or else one that is being removed, the oldest first.
SELECT {search_kind.*}
FROM search_kind
WHERE search_kind.phase <> 'done'
ORDER BY CASE WHEN search_kind.phase = 'removed' THEN 1 ELSE 0 END, search_kind.number
LIMIT 1;

-- name: insert_kind
-- Begin the index of a kind.
INSERT INTO search_kind (number, kind, phase, position, up_to) VALUES (:number, :kind, :phase, :position, :up_to);

-- name: insert_field
-- Record a field of an index.
INSERT INTO search_field (number, position, path) VALUES (:number, :position, :path);

-- name: paths -> str
-- The paths of the fields of an index, in their order.
SELECT path FROM search_field WHERE number = :number ORDER BY position;

-- name: move_kind
-- Record how far an index has been filled or removed.
UPDATE search_kind SET phase = :phase, position = :position, up_to = :up_to WHERE number = :number;

-- name: delete_fields
-- Delete the fields of an index that is removed.
DELETE FROM search_field WHERE number = :number;

-- name: delete_kind
-- Delete an index that is removed.
DELETE FROM search_kind WHERE number = :number;

-- name: owe_purge
-- Record that parts of the index may still contain words of what was erased.
UPDATE board SET purge_owed_at = :at WHERE purge_owed_at IS NULL;

-- name: owed_purge -> Instant | None
-- Since when parts of the index may still contain words of what was erased.
SELECT coalesce(unfinished_purge_owed_at, purge_owed_at) FROM board;

-- name: begin_purge
-- Record that the index is being merged. What is erased meanwhile is owed anew.
UPDATE board
SET unfinished_purge_owed_at = coalesce(unfinished_purge_owed_at, purge_owed_at), purge_owed_at = NULL;

-- name: end_purge
-- Record that the index was merged. What was erased meanwhile stays owed.
UPDATE board SET unfinished_purge_owed_at = NULL;

-- name: merge
-- Merge parts of the index; with a negative number of pages, begin to merge all of it.
INSERT INTO search_index (search_index, rank) VALUES ('merge', :pages);

-- name: merge (postgresql)
SELECT 1;

-- name: find_doc -> Id
-- The event that holds the text of a document.
SELECT event_id FROM search_doc WHERE id = :id;

-- name: insert_doc
-- Record a document.
INSERT INTO search_doc (id, event_id) VALUES (:id, :event_id);

-- name: move_doc
-- Record that another event holds the text of a document.
UPDATE search_doc SET event_id = :event_id WHERE id = :id;

-- name: delete_doc
-- Delete a document.
DELETE FROM search_doc WHERE id = :id;

-- name: next_docs -> SearchDocRow
-- The next documents of an index.
SELECT {search_doc.*}
FROM search_doc
WHERE search_doc.id > :after AND search_doc.id <= :last
ORDER BY search_doc.id
LIMIT :limit + 0;

-- name: next_texts -> DocText
-- The next documents of an index, each with the payload that holds its text.
SELECT search_doc.id, event.payload
FROM search_doc
JOIN event ON event.id = search_doc.event_id
WHERE search_doc.id > :after AND search_doc.id <= :last
ORDER BY search_doc.id
LIMIT :limit + 0;

-- name: count_docs -> int
-- How many documents an index has.
SELECT count(*) AS count FROM search_doc WHERE id BETWEEN :first AND :last;

-- name: put_text
-- Put the text of a document into the index.
INSERT INTO search_index (rowid, text) VALUES (:id, :text);

-- name: put_text (postgresql)
INSERT INTO search_index (id, words) VALUES (:id, CAST(:text AS tsvector));

-- name: remove_text
-- Remove the text of a document from the index. FTS5 must be told what it was.
INSERT INTO search_index (search_index, rowid, text) VALUES ('delete', :id, :text);

-- name: remove_text (postgresql)
DELETE FROM search_index WHERE id = :id;

-- name: events_of_kind_between -> EventRow
-- The events of one type of a kind in a span of ids.
SELECT {event.*}
FROM event
WHERE event.id > :after AND event.id <= :up_to AND event.kind = :kind AND event.event = :event
ORDER BY event.id
LIMIT :limit + 0;

-- name: read_raw -> str
-- A query in the database's own language, in the form that `matches` takes.
SELECT CAST(:text AS TEXT) AS query;

-- name: read_raw (postgresql)
SELECT CAST(to_tsquery('simple', :text) AS TEXT) AS query;

-- fragment: relevance
-- The relevance by BM25, which FTS5 gives as a negative number.
-search_index.rank

-- fragment: relevance (postgresql)
ts_rank(search_index.words, CAST(:query AS tsquery), 1)

-- fragment: doc_id
search_index.rowid

-- fragment: doc_id (postgresql)
search_index.id

-- fragment: matches_query
search_index MATCH :query AND search_index.rowid BETWEEN :first AND :last

-- fragment: matches_query (postgresql)
search_index.words @@ CAST(:query AS tsquery) AND search_index.id BETWEEN :first AND :last

-- name: matches -> FoundDoc
-- Some documents of an index that match a query. FTS5 computes the relevance twice where it orders by it.
SELECT {doc_id} AS id, {relevance} AS relevance FROM search_index WHERE {matches_query} LIMIT :limit + 0;

-- name: most_relevant -> FoundDoc
-- The documents of an index that match a query, the most relevant first.
SELECT found.id, found.relevance
FROM (SELECT {doc_id} AS id, {relevance} AS relevance FROM search_index WHERE {matches_query}) AS found
ORDER BY found.relevance DESC, found.id
LIMIT :limit + 0;

-- name: count_matches -> int
-- How many documents of an index match a query, up to a limit.
SELECT count(*) AS count
FROM (SELECT {doc_id} AS id FROM search_index WHERE {matches_query} LIMIT :limit + 0) AS matched;

-- name: strengths -> MarkStrength
-- The strengths of those of some marks that are live.
WITH clock AS MATERIALIZED (SELECT CAST(:as_of AS BIGINT) AS as_of)
SELECT live.id, live.strength
FROM ({live_marks}) AS live
WHERE {is_in(live.id, :ids)}
  {filter_by_tags};

-- name: strongest -> MarkKey
-- The next marks of a kind under a law whose order never changes, strongest first, from a covering index.
SELECT mark.id, mark.order_key
FROM mark
WHERE mark.kind = :kind AND mark.law = :law AND mark.order_key IS NOT NULL
ORDER BY mark.order_key DESC
LIMIT :limit + 0 OFFSET :offset + 0;
