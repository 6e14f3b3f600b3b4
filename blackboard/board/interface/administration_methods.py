"""The methods of a board that administer it: its deployment, its tokens, and what it erases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from blackboard.board.interface.board_handle import BoardHandle
from blackboard.core.marks.mark_model import Mark
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import StoreBusy

if TYPE_CHECKING:
    from blackboard.board.deployment_effects.program_declarations import AgentDeclaration
    from blackboard.board.result_types.administration_results import (
        AccessToken,
        CompactionReport,
        DeploymentRecord,
        DeployResult,
        ErasureReport,
    )
    from blackboard.board.result_types.preview_results import Preview


class AdministrationMethods(BoardHandle):
    """The deployment, the tokens, and the erasure of data."""

    def deployments(self, *, before: int | None = None, limit: int = 20) -> list[DeploymentRecord]:
        """Return versions of the deployment, newest first.

        Args:
            before: Only versions that are older than this version.
            limit: The largest number of versions.
        """
        from blackboard.board.reading import board_status

        return self.session.read(lambda txn: board_status.deployments(txn, before=before, limit=limit))

    def deploy(
        self, *items: AgentDeclaration | Deployment, kinds: Iterable[type[Mark]] = (), replace: bool = False
    ) -> DeployResult:
        """Deploy agents as they declare themselves, or a whole deployment, and let the marks follow.

        The change is one event at one instant. Marks follow in bounded batches, each as of that instant. If the call is
        interrupted, a daemon or the next call continues.

        Args:
            items: Agents, which are added to the board's agents; or one deployment, which replaces the active one.
            kinds: Mark classes to register as they declare themselves, even if the board has other settings for their
                kinds.
            replace: Whether to remove agents even if a worker that is alive serves them.

        Raises:
            AgentInUse: The change would remove an agent that a living worker serves.
            ConfigurationError: The deployment has mistakes, such as an agent that names a kind that is not known.
            InvalidMark: A class would lose a value of its marks, or two classes have one kind.
            UsageError: A deployment is not the only argument.
        """
        from blackboard.board.deployments import deployer

        return deployer.deploy(self.session, items, tuple(kinds), self.author, replace=replace)

    def preview(self, deployment: Deployment) -> Preview:
        """Return the effects that a deployment would have now, such as marks that evaporate and agents that wake.

        The change is carried out in a transaction that is rolled back.

        Args:
            deployment: The whole deployment, as for `deploy`.

        Raises:
            ConfigurationError: The deployment has mistakes.
        """
        from blackboard.board.deployments import deployment_preview

        return deployment_preview.preview_of(self.session, deployment)

    def create_token(
        self,
        name: str,
        *,
        may: Iterable[str],
        author: str | None = None,
        expires: DurationLike | None = "90d",
    ) -> str:
        """Make a token for a program that uses the board over HTTP, and return it. It cannot be read again.

        Args:
            name: The name of the token, for `tokens` and `revoke_token`.
            may: What its holder may do, such as `read`, `deposit:lead` or `claim:review`.
            author: The author of what its holder deposits and answers; by default the name of the token.
            expires: How long it is valid; None if it never expires.

        Raises:
            InvalidAuthor: The author cannot be stored, is reserved, or has a name that is or looks like an agent's.
            InvalidDuration: `expires` is not a duration.
            InvalidMark: The name cannot be stored.
            UsageError: A scope is not valid, two scopes exclude each other, `expires` is 0, or a token of this name was
                not revoked.
        """
        from blackboard.board.credentials import access_tokens
        from blackboard.core.token_scopes import Scopes

        scopes, lifetime = Scopes(may), None if expires is None else parse_duration(expires)
        signs = name if author is None else author
        return self.session.write(lambda txn: access_tokens.create(txn, name, scopes, signs, lifetime, self.author))

    def tokens(self) -> list[AccessToken]:
        """Return all tokens that were ever made, oldest first, without the tokens themselves."""
        from blackboard.board.credentials import access_tokens

        return self.session.read(access_tokens.all_tokens)

    def find_token(self, token: str) -> AccessToken | None:
        """Return the record of a token, whatever its state; None if the board never made it."""
        return self.find_tokens([token])[0]

    def find_tokens(self, tokens: Iterable[str]) -> list[AccessToken | None]:
        """Return the record of each token, as `find_token` does, from one snapshot of the board."""
        from blackboard.board.credentials import access_tokens

        return self.session.read(lambda txn: [access_tokens.find(txn, token) for token in tokens])

    def revoke_token(self, name: str) -> None:
        """Revoke a token. The next request with it is refused.

        Raises:
            NotFound: There is no token of this name, or it was revoked before.
        """
        from blackboard.board.credentials import access_tokens

        self.session.write(lambda txn: access_tokens.revoke(txn, name, self.author))

    def secret(self, name: str) -> str:
        """Return the random text that is stored on this board under a name. The text never changes."""
        from blackboard.board.credentials import board_secrets

        return self.session.write(lambda txn: board_secrets.get_or_make(txn, name))

    def forget(self, subject: str) -> ErasureReport:
        """Erase everything about a subject, including stored model answers; this cannot be undone.

        The events stay, without their content and under a random name. Backups are not changed; the report lists them.
        If the file could not be compacted, the report says why, and the same call again finishes it.

        Args:
            subject: The subject as it is stored; its Unicode form does not matter.

        Raises:
            NotFound: No mark of the subject was ever deposited, and the file needs no compaction.
            InvalidMark: The subject is the random name of a forgotten subject.
            InvalidAuthor: The author has the name of an agent, or a name that looks like one.
        """
        from blackboard.board.housekeeping import erasure

        return erasure.erase_and_compact(self.session, subject, self.author)

    def compact(self) -> CompactionReport:
        """Rewrite the file, which gives unused space back to the disk.

        Other processes may use the board at the same time.

        Raises:
            StoreBusy: Another process is compacting the board, or a reader does not end.
            StoreError: The board is on PostgreSQL, or the disk is full.
        """
        from blackboard.board.housekeeping import board_compaction
        from blackboard.board.result_types.administration_results import CompactionReport

        before = self.database.place.sizes().file_bytes or 0
        if not board_compaction.compact(self.session):
            raise StoreBusy(board_compaction.LOG_IN_USE)
        return CompactionReport(before, self.database.place.sizes().file_bytes or 0)
