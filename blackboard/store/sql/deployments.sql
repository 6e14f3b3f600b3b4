-- The registered deployment, its versions, and changes of laws that marks have not followed yet.

-- name: active_deployment
-- The newest deployment, which is the active one.
SELECT version, content FROM deployment ORDER BY version DESC LIMIT 1;

-- name: deployments -> DeploymentRow
-- Every version, oldest first.
SELECT {deployment.*} FROM deployment ORDER BY deployment.version;

-- name: insert_deployment
-- Register a deployment.
INSERT INTO deployment (version, deployed_at, content) VALUES (:version, :deployed_at, :content);

-- name: set_version (notifies)
-- Make a version active.
UPDATE board SET version = :version, last_recorded_at = :at;

-- name: get_kind
-- What is registered of a kind.
SELECT weight, floor, law FROM kind WHERE name = :name;

-- name: law_changes -> LawChangeRow
-- All changes that marks have not followed yet.
SELECT {law_change.*} FROM law_change;

-- name: get_law_change
-- The change that marks of a kind under a law have to follow.
SELECT new_law, changed_at FROM law_change WHERE kind = :kind AND law = :law;

-- name: insert_law_change
-- Record a change that marks have to follow.
INSERT INTO law_change (kind, law, new_law, changed_at) VALUES (:kind, :law, :new_law, :changed_at);

-- name: delete_law_change
-- Drop a change that all marks have followed.
DELETE FROM law_change WHERE kind = :kind AND law = :law;

-- name: delete_floor_changes
-- Drop the changes of a kind's floor.
DELETE FROM law_change WHERE kind = :kind AND law = new_law;

-- name: law_names
-- The decay laws that the board has stored.
SELECT DISTINCT name FROM law;

-- name: get_views_hash
-- The hash of the texts of the board's views.
SELECT views_hash FROM board;

-- name: set_views_hash
-- Note the hash of new views.
UPDATE board SET views_hash = :views_hash;
