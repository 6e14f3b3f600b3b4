"""The pages: the board in a browser, kept up to date while they are open.

Each page is rendered on the server. Its scripts draw how marks fade, from the parameters of the decay laws.

page_routes            the routes of the pages, their scripts and their streams
page_updates           keeps open pages up to date: each is rendered once for all viewers with equal rights
page_rendering         templates, and how values are written in HTML
page_definition        what a page is: its address and parameters, who sees it, and its content
chart_data             times, thresholds and decay laws for the scripts that draw charts
board_page             each kind as a lane where marks fade, and what time alone will do
subject_page           a subject: its marks over time, its events, and where its marks came from
provenance_graph       the graph of where the marks of a subject came from
agenda_page            what waits, and what holds it
activations_page       activations over time, and one with all that it did
inbox_page             questions that wait for people
agents_page            agents: state, budget, and what they have done within a day
deployment_page        the deployment, its versions, and what the file would change
deployment_file_check  what the deployment file of the server would change, found by a child process
costs_page             costs, and what was saved
health_page            workers, files, messages and the findings of `doctor`
sql_page               a box for queries on the views
"""
