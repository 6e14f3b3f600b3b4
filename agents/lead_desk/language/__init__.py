"""The text of people, as it comes in enquiries and answers: untrusted, and in six languages.

text_normalization  untrusted text in one form: its length, line breaks, look-alike characters
time_extraction     times to meet, found in a text
time_mention_types  types of mentions of days and hours in a text
day_mentions        finds the days of a text, and those that the writer excludes
hour_mentions       finds the hours of a text
requested_time      a time to meet, and its exact text form
date_words          the words for days and times in each language, for negations of them, and for units and labels
submission_time     when an enquiry was sent
zone_names          names of time zones: `CET`, `UTC+2`, `Europe/London`, `Pacific Time (US & Canada)`
lead_signals        phrases that show what the writer wants
prompt_injection    texts that try to instruct the model
"""
