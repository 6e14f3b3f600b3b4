"""The pages: the board in a browser, kept up to date while they are open.

Each page is rendered on the server. Its scripts draw how marks fade, from the parameters of the decay laws.

page_definition     what a page is
page_viewer         who sees a page, and what is withheld
page_rendering      templates, and how values are written in HTML
live_views          keeps open pages up to date: each is rendered once for all viewers with equal rights
page_routes         the routes of the pages, their scripts and their streams
mark_counts         the numbers of live marks, counted less often on large boards
browser_decay_laws  decay laws for scripts
graph_labels        times, thresholds and laws in words for scripts
board_page          each kind as a lane where marks fade
forecast            what happens ahead of now by time alone
subject_page        a subject: its marks over time, its events, and where its marks came from
agenda_page         what waits, and what holds it
activations_page    activations over time, and one with all that it did
inbox_page          questions that wait for people
agents_page         agents: state, budget, and what they have done within a day
deployment_page     the deployment, its versions, and what the file would change
costs_page          costs, and what was saved
health_page         workers, files, messages and the findings of `doctor`
sql_page            a box for queries on the views
"""
