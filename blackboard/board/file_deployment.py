"""Deployment of what a file says, with the rights of a command or a daemon against living workers."""

from __future__ import annotations

from blackboard.board.deployments.deployer import Deployer
from blackboard.board.facade import Blackboard
from blackboard.board.result_types.administration_results import DeployResult
from blackboard.core.specs.deployment import Deployment


def deploy_file(board: Blackboard, deployer: Deployer, deployment: Deployment) -> DeployResult:
    """Deploy what a deployment file says.

    Raises:
        AgentInUse: A living worker serves an agent that would be removed or replaced.
    """
    return deployer.deploy(board.session, lambda txn: deployment, board.author)
