"""The description of the operations, for programs and for people.

openapi    describes the operations as OpenAPI 3.1
docs_page  the same for people
"""
