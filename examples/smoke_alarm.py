from blackboard import Blackboard, Context, Daemon, Exponential, Mark, agent, strength


class Smoke(Mark, kind="smoke", decay=Exponential("25m"), on_repeat="add", cap=1.0):
    detail: str


class Alarm(Mark, kind="alarm"):
    level: int


@agent(watches=strength(Smoke) >= 0.7, writes=[Alarm], batch=10)
def watchman(smokes: list[Smoke], context: Context) -> list[Alarm]:
    return [Alarm(subject=smoke.subject, level=round(10 * smoke.strength)) for smoke in smokes]


if __name__ == "__main__":
    with Blackboard.open("board.db") as board:
        board.deposit(Smoke(subject="kitchen", detail="thin, grey"), intensity=0.4)
        board.deposit(Smoke(subject="kitchen", detail="thick"), intensity=0.4)
        Daemon(board, [watchman]).run(until_quiescent=True)
        print(board.marks(Alarm))
