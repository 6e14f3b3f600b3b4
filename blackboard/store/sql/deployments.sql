-- Deployments, their kinds, changes of laws for the backfill, and the hash of the views.

-- name: active_deployment -> DeploymentRow
-- The newest deployment, which is the active one.
SELECT {deployment.*} FROM deployment ORDER BY deployment.version DESC LIMIT 1;

-- name: deployment_at -> DeploymentRow
-- The deployment that was active at an instant.
SELECT {deployment.*}
FROM deployment
WHERE deployment.deployed_at <= :at
ORDER BY deployment.version DESC
LIMIT 1;

-- name: deployments -> DeploymentRow
-- Every version, or those that became active up to an instant, oldest first.
SELECT {deployment.*}
FROM deployment
WHERE 0 = 0
  [at: AND deployment.deployed_at <= :at]
ORDER BY deployment.version;

-- name: newest_deployments -> DeploymentRow
-- The versions, newest first.
SELECT {deployment.*}
FROM deployment
WHERE 0 = 0
  [before: AND deployment.version < :before]
ORDER BY deployment.version DESC
LIMIT :limit + 0;

-- name: insert_deployment
-- Register a deployment.
INSERT INTO deployment (version, deployed_at, content) VALUES (:version, :deployed_at, :content);

-- name: set_version (notifies)
-- Make a version active.
UPDATE board SET version = :version, last_recorded_at = :at;

-- name: get_kind -> KindRow
-- The registered settings of a kind.
SELECT {kind.*} FROM kind WHERE kind.name = :name;

-- name: law_changes -> LawChangeRow
-- All changes that the backfill has not finished.
SELECT {law_change.*} FROM law_change;

-- name: insert_law_change
-- Record a change of law for the backfill.
INSERT INTO law_change (kind, law, new_law, changed_at) VALUES (:kind, :law, :new_law, :changed_at);

-- name: delete_law_changes
-- Delete the changes of a kind that the backfill has finished.
DELETE FROM law_change WHERE kind = :kind;

-- name: law_names -> str
-- The decay laws that the board has stored.
SELECT DISTINCT name FROM law;

-- name: get_views_hash -> str | None
-- The hash of the texts of the board's views.
SELECT views_hash FROM board;

-- name: set_views_hash
-- Record the hash of new views.
UPDATE board SET views_hash = :views_hash;
