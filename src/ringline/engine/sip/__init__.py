"""SIP phones and addresses as endpoints, and the ways to them."""
