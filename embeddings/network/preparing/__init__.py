"""What of a picture is encoded: margins left out, pages searched for a picture, views."""
