-- Tokens of programs on other machines, and secrets of the board.

-- name: insert_token
-- Record a token by its digest.
INSERT INTO access_token (digest, name, author, scopes, created_at, expires_at, revoked_at)
VALUES (:digest, :name, :author, :scopes, :created_at, :expires_at, NULL);

-- name: get_token -> AccessTokenRow
-- The token with a digest.
SELECT {access_token.*} FROM access_token WHERE access_token.digest = :digest;

-- name: unrevoked_token -> AccessTokenRow
-- The token of a name that was not revoked.
SELECT {access_token.*} FROM access_token WHERE access_token.name = :name AND access_token.revoked_at IS NULL;

-- name: tokens -> AccessTokenRow
-- All tokens, oldest first.
SELECT {access_token.*} FROM access_token ORDER BY access_token.created_at, access_token.name;

-- name: revoke_token
-- Revoke a token.
UPDATE access_token SET revoked_at = :now WHERE digest = :digest;

-- name: get_secret -> str
-- A secret of the board.
SELECT value FROM secret WHERE name = :name;

-- name: insert_secret
-- Record a secret of the board.
INSERT INTO secret (name, value) VALUES (:name, :value);
